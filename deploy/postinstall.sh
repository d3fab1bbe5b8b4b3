#!/bin/sh
# A running service is restarted into the new version; a new one is not started.
set -e
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart rnnrepd.service
fi
