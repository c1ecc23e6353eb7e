#!/bin/bash
# Double-click: sets kamkit up on first use (conda if it is there, else Python), then leads from an export to the report.
# The notebooks open from its last window, or with: kamkit lab FOLDER. If macOS refuses to open a downloaded file, open it
# once by right click and "Open".
set -e
cd "$(dirname "$0")"
failed() {
  echo "kamkit could not be set up or started; the lines above say why. Python 3.11 or newer, or conda, must be installed (python.org)."
  echo "kamkit konnte nicht eingerichtet oder gestartet werden; die Zeilen darüber sagen, warum. Nötig ist Python ab 3.11 oder conda (python.org)."
  read -r -p "Enter …"
}
trap failed ERR
once="kamkit is set up once, this takes some minutes / kamkit wird einmal eingerichtet, das dauert einige Minuten"
if command -v conda >/dev/null; then
  eval "$(conda shell.bash hook)"
  conda env list | grep -q '^kamkit ' || { echo "$once"; conda env create -f environment.yml; }
  conda activate kamkit
elif [ ! -x .venv/bin/kamkit ]; then
  echo "$once"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'
  python3 -m venv .venv
  .venv/bin/python -m pip install --quiet --editable .
fi
[ -x .venv/bin/kamkit ] && ! command -v conda >/dev/null && PATH="$PWD/.venv/bin:$PATH"
kamkit start "$@"
