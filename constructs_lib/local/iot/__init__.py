"""What IoT needs beside ministack's: actions of rules, role aliases, credentials, MQTT on loopback."""
