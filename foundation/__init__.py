"""The base of every package: settings, connections, SQL, errors, logs, clock; imports nothing of ours."""
