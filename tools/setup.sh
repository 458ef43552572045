#!/bin/sh
# Create the virtual environment and install the pinned requirements: setup.sh PYTHON VENV [TORCH_INDEX]
set -eu
python=$1 venv=$2 torch_index=$3
if ! command -v "$python" >/dev/null; then
  echo "setup: $python: not found; install Python 3.11.4 to 3.13, or name one with make PYTHON=<command>" >&2
  exit 1
fi
if ! "$python" -c 'import sys; sys.exit(not (3, 11, 4) <= sys.version_info[:3] < (3, 14))'; then
  echo "setup: $python: is $("$python" --version); take Python 3.11.4 to 3.13 with make PYTHON=<command>" >&2
  exit 1
fi
if ! "$python" -m venv "$venv"; then
  echo "setup: $venv: could not be created; install the venv module of your Python (Debian and Ubuntu: apt install python3-venv)" >&2
  exit 1
fi
echo "setup: installing into $venv. With the CPU build of PyTorch about 0.7 GB is downloaded, with the CUDA build about 3 GB."
if [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null && [ -z "$torch_index" ]; then
  echo "setup: no NVIDIA GPU found. For the CPU build of PyTorch run: make setup TORCH_INDEX=<the address that pytorch.org/get-started shows for CPU>"
fi
remotes=
for scheme in $(sed -n 's/^[[:space:]]*url *= *\([a-z0-9]*\):\/\/.*/\1/p' .dvc/config | sort -u); do
  if [ -f "requirements/remote-$scheme.txt" ]; then
    echo "setup: .dvc/config names a remote at $scheme://, so its plugin is installed too"
    remotes="$remotes -r requirements/remote-$scheme.txt"
  fi
done
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet ${torch_index:+--extra-index-url "$torch_index"} \
  -r requirements/data.txt -r requirements/model.txt -r requirements/dev.txt $remotes
