"""The looks of the page: light and dark, on screen and on paper.

The colours of the series are those of Okabe and Ito, which people who do not see all colours can tell apart; the
control is grey, and dashed. From the eighth series on they are three of Paul Tol's, and dotted.
https://jfly.uni-koeln.de/color/, https://personal.sron.nl/~pault/
"""

from __future__ import annotations

_LIGHT = {
    "ink": "#1b2430",
    "soft": "#5a6675",
    "faint": "#dfe4ea",
    "page": "#f4f6f8",
    "card": "#ffffff",
    "good": "#00704f",
    "bad": "#b03a00",
    "warning": "#8a5a00",
    "open": "#0a5f9e",
    "waiting": "#5a6675",
}
_DARK = {
    "ink": "#e8edf3",
    "soft": "#a3afbd",
    "faint": "#323c48",
    "page": "#10151b",
    "card": "#1a2129",
    "good": "#3ecf9f",
    "bad": "#ff9166",
    "warning": "#f0b64a",
    "open": "#6db9f2",
    "waiting": "#a3afbd",
}
_OWN_COLOURS = 7
_SERIES = (
    *("#6b7785", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"),
    *("#332288", "#999933", "#882255"),
)
_SERIES_DARK = (
    *("#9aa7b6", "#3d9fdc", "#efb02f", "#22c195", "#de97bf", "#f57f3a", "#8bcdf5"),
    *("#8f86e8", "#bdbd55", "#c25a8e"),
)


def _variables(colours: dict[str, str], series: tuple[str, ...]) -> str:
    named = {**colours, **{f"s{number}": colour for number, colour in enumerate(series)}}
    return "".join(f"--{name}:{colour};" for name, colour in named.items())


def _series() -> str:
    colours = "".join(f".s{number}{{--c:var(--s{number})}}" for number in range(len(_SERIES)))
    dotted = ",".join(f"path.line.s{number}" for number in range(_OWN_COLOURS, len(_SERIES)))
    return f"{colours}path.line.s0{{stroke-dasharray:7 4}}{dotted}{{stroke-dasharray:2 4}}"


_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
 font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1040px;margin:0 auto;padding:32px 20px 48px}
h1,h2,h3,p{margin:0;overflow-wrap:anywhere}
header{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;margin-bottom:18px}
header p{color:var(--soft);font-size:14px;flex-basis:100%}
h1{font-size:20px;font-weight:650}
h2{font-size:17px;font-weight:650;margin-bottom:4px}
.card>p.lead{color:var(--soft);font-size:14px;margin-bottom:12px;max-width:76ch}
.card>p.lead:last-child{margin:8px 0 0}
.card{background:var(--card);border:1px solid var(--faint);border-radius:12px;padding:20px 22px;margin-top:16px}
.pill{font-size:12px;font-weight:650;letter-spacing:.04em;text-transform:uppercase;color:var(--soft);
 border:1px solid currentColor;border-radius:99px;padding:1px 10px}
.verdict{border-left:6px solid var(--tone);padding:22px 24px}
.verdict h2{font-size:26px;line-height:1.25;letter-spacing:-.01em;margin-bottom:10px}
.verdict p{max-width:76ch}
.verdict p+p{margin-top:6px}
.good{--tone:var(--good)}.bad{--tone:var(--bad)}.warning{--tone:var(--warning)}
.open{--tone:var(--open)}.waiting,.note{--tone:var(--waiting)}
.notices{list-style:none;margin:18px 0 0;padding:0;display:grid;gap:10px}
.notices li{border-left:3px solid var(--tone);padding:2px 0 2px 14px;font-size:15px;max-width:82ch;
 overflow-wrap:anywhere}
.notices strong{display:block;color:var(--tone)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:7px 9px;text-align:right;border-bottom:1px solid var(--faint);vertical-align:top;
 white-space:nowrap}
tr:last-child>*{border-bottom:0}
thead th{color:var(--soft);font-weight:600;font-size:12.5px;vertical-align:bottom}
th:first-child,td:first-child{text-align:left;padding-left:0}
th:last-child,td:last-child{padding-right:0}
th[scope=row]{font-weight:600}
td.text,th.text{text-align:left;white-space:normal;min-width:14ch}
.below{display:block;color:var(--soft);font-size:12.5px}
.swatch{display:inline-block;width:11px;height:11px;border-radius:3px;background:var(--c);margin-right:8px}
.tag{font-size:11.5px;font-weight:600;color:var(--tone);border:1px solid currentColor;border-radius:4px;
 padding:0 5px;margin-left:8px;white-space:nowrap}
.bar{display:inline-block;width:64px;height:7px;border-radius:4px;background:var(--faint);margin-left:9px;
 overflow:hidden}
.bar i{display:block;height:100%;background:var(--c)}
.gauge{position:relative}.gauge::after{content:"";position:absolute;left:50%;top:0;bottom:0;width:2px;
 background:var(--ink)}
figure{margin:0;overflow-x:auto}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:26px 32px;
 margin-top:14px}
.picture{min-width:0;break-inside:avoid}
.picture h3{font-size:15px;font-weight:650}
.picture p{color:var(--soft);font-size:13px;margin-bottom:6px}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;list-style:none;margin:0;padding:0;font-size:13px;
 color:var(--soft)}
.steps{margin:6px 0 0;padding-left:22px;max-width:80ch}.steps li{margin-top:6px;overflow-wrap:anywhere}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--page);
 border-radius:4px;padding:1px 5px}
.matrix td,.matrix th{text-align:center;padding:9px 12px}
.matrix .below{color:var(--ink)}
.matrix td{--c:var(--s1);background:color-mix(in srgb,var(--c) var(--share),var(--card))}
svg{display:block;width:100%;min-width:520px;height:auto;overflow:visible}
svg text{font-size:12px;fill:var(--ink)}
svg .tick{fill:var(--soft);font-size:11.5px}
.grid{stroke:var(--faint);stroke-width:1}
.axis{stroke:var(--soft);stroke-width:1}
.line{fill:none;stroke:var(--c);stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
.band{fill:var(--c);fill-opacity:.15;stroke:none}
.crowded .band{fill-opacity:.06}
.layer{fill:var(--c);fill-opacity:.88;stroke:var(--card);stroke-width:1}
svg.small{min-width:280px}
.dot{fill:var(--c)}
.ring{fill:var(--card);stroke:var(--c);stroke-width:2}
.guide{fill:none;stroke:var(--soft);stroke-width:1;stroke-dasharray:2 4}
.limit{stroke:var(--bad);stroke-width:2.4}
svg .note-text{font-size:11px;fill:var(--soft);font-variant-numeric:tabular-nums}
.mark{stroke:var(--bad);stroke-width:1.4;stroke-dasharray:3 3}
svg .mark-name{fill:var(--ink);font-weight:600;paint-order:stroke;stroke:var(--card);stroke-width:4px;
 stroke-linejoin:round}
.hit{fill:transparent}
.pointer{stroke:var(--ink);stroke-width:1;opacity:0}
.moment:hover .pointer{opacity:.5}
details{margin-top:12px;font-size:14px}
summary{cursor:pointer;color:var(--soft)}
details .wide{margin-top:8px;max-height:360px;overflow:auto}
dl{display:grid;grid-template-columns:minmax(11ch,max-content) minmax(0,1fr);gap:8px 20px;margin:10px 0 0;
 font-size:14px}
dt{font-weight:600;overflow-wrap:anywhere}dd{margin:0;max-width:76ch;overflow-wrap:anywhere}
footer{color:var(--soft);font-size:13px;margin-top:20px}
@media (max-width:640px){main{padding:18px 12px}.card{padding:16px}.verdict h2{font-size:21px}
 dl{grid-template-columns:minmax(0,1fr);gap:2px}dd{margin-bottom:8px}}
@media print{body{background:none;font-size:11pt}main{max-width:none;padding:0}
 .card{border-color:#bbb;break-inside:avoid;-webkit-print-color-adjust:exact;print-color-adjust:exact}
 .wide,figure,details .wide{overflow:visible;max-height:none}svg{min-width:0}table{font-size:9pt}
 details:not([open]){display:none}}
"""


def css() -> str:
    """The style sheet."""
    light, dark = _variables(_LIGHT, _SERIES), _variables(_DARK, _SERIES_DARK)
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"{_series()}{_RULES}"
    )
