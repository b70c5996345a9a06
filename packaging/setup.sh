#!/bin/sh
# Sets up a checkout: uv, the locked environment in .venv, and the system libraries that Qt needs.
# Works again at once when nothing changed. Needs only Python 3.11 or newer and git.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

# --- Debian and Ubuntu packages: installed when we may, named in one line when we may not ---------
install_debian() {
    if ! command -v apt-get >/dev/null 2>&1; then
        return 1
    fi
    if [ "$(id -u)" = 0 ]; then
        root=""
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        root="sudo"
    else
        return 1
    fi
    say "Installing system packages: $*"
    $root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq "$@" >&2
}

need() {
    if ! install_debian "$@"; then
        say "CVStudio needs these system packages. Install them and try again:"
        say "    sudo apt-get install $*"
        exit 1
    fi
}

# --- Python ----------------------------------------------------------------------------------------
python=""
for name in python3 python3.13 python3.12 python3.11 python3.14; do
    if command -v "$name" >/dev/null 2>&1 &&
        "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    say "CVStudio needs Python 3.11 or newer. Install one, for example:"
    say "    sudo apt-get install python3 python3-venv        (macOS: brew install python@3.12)"
    exit 1
fi

# --- uv: the user's own, or one in a private folder -------------------------------------------------
if command -v uv >/dev/null 2>&1; then
    uv=uv
else
    if [ ! -x .uv/bin/uv ]; then
        "$python" -c 'import ensurepip' 2>/dev/null || need python3-venv
        say "Setting up uv, which fetches the locked versions of everything ..."
        "$python" -m venv .uv
        .uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
    fi
    uv=.uv/bin/uv
fi

# --- The environment ----------------------------------------------------------------------------------
# Networks of hospitals and companies often put their own certificate between: the system knows it,
# uv by itself does not. Older versions of uv know the switch by its first name.
export UV_NATIVE_TLS="${UV_NATIVE_TLS:-true}" UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
if [ ! -d .venv ]; then
    say "Fetching the locked versions (once: about 3.5 GB on Linux, 0.5 GB on a Mac) ..."
fi
"$uv" sync --quiet --locked --python "$python"

# --- System libraries of Qt ------------------------------------------------------------------------------
if [ "$(uname -s)" = Linux ]; then
    if ! .venv/bin/python -c 'from PySide6 import QtGui, QtWidgets' 2>/dev/null; then
        need libglib2.0-0 libgl1 libegl1 libxkbcommon0 libfontconfig1 libdbus-1-3
    fi
    if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
        qt=$(.venv/bin/python -c 'import PySide6, pathlib; print(pathlib.Path(PySide6.__file__).parent)')
        if ldd "$qt/Qt/plugins/platforms/libqxcb.so" | grep -q 'not found'; then
            need libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0
        fi
    fi
fi
