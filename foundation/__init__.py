"""What every room stands on: settings, database, clock, errors, logs, gevent patching; imports nothing of ours."""
