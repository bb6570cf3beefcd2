// DOT in, SVG out: {"name": dot} on standard input, {"name": svg} on standard output. Graphviz, as WebAssembly.
import { instance } from "@viz-js/viz";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const viz = await instance();
const drawn = Object.entries(JSON.parse(Buffer.concat(chunks))).map(([name, dot]) => [
  name,
  viz.renderString(dot, { format: "svg" }),
]);
process.stdout.write(JSON.stringify(Object.fromEntries(drawn)));
