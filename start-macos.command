#!/bin/bash
# Double-click: sets kamkit up on first use (conda if it is there, else Python) and opens JupyterLab on the notebooks.
set -e
cd "$(dirname "$0")"
trap 'echo "kamkit could not be set up. Python 3.11 or newer, or conda, must be installed: see README.md."; read -r -p "Enter …"' ERR
if command -v conda >/dev/null; then
  eval "$(conda shell.bash hook)"
  conda env list | grep -q '^kamkit ' || conda env create -f environment.yml
  conda activate kamkit
else
  if [ ! -x .venv/bin/kamkit ]; then
    python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --editable .
  fi
  source .venv/bin/activate
fi
jupyter lab notebooks
