# Shared by quickstart, check and test: checks the requirements and creates a virtual environment.
# Sourced with the repository root as the working folder.

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

# Finds Python 3.11 or later: $PYTHON if set, else the first on the path that is new enough.
find_python() {
    local candidate seen=""
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            return
        fi
        seen="$seen $candidate ($("$candidate" -V 2>&1 || true))"
    done
    fail "Python 3.11 or later is required;${seen:+ found only$seen;} install it, or set PYTHON=/path/to/python3"
}

# Checks that there is a compiler for C++17.
check_compiler() {
    local compiler
    for compiler in ${CXX:+"$CXX"} c++ g++ clang++; do
        command -v "$compiler" >/dev/null 2>&1 || continue
        if printf '#include <optional>\nstd::optional<int> x;\n' |
            "$compiler" -std=c++17 -x c++ -fsyntax-only - 2>/dev/null; then
            return
        fi
    done
    fail "a C++17 compiler is required (Debian, Ubuntu: apt install g++; macOS: xcode-select --install); or set CXX"
}

# Prints a checksum of everything that goes into the package.
sources_digest() {
    find recsys CMakeLists.txt pyproject.toml -type f ! -name '*.pyc' ! -name '*.so' -print0 |
        sort -z | xargs -0 cat | cksum
}

# make_environment FOLDER wheel|editable [EXTRA]: installs this checkout into FOLDER, with the
# dependencies of the extra. Does nothing if FOLDER is up to date. "wheel" installs what would be
# shipped; with "editable", Python started in the checkout also finds the compiled kernels.
make_environment() {
    local folder=$1 how=$2 extra=${3:+[$3]} digest package
    find_python
    check_compiler
    digest="$(sources_digest) $how $extra $("$python" -V 2>&1)"
    if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/.installed" 2>/dev/null)" = "$digest" ]; then
        return
    fi
    echo "Setting up $folder (a minute or two the first time) ..."
    if [ ! -x "$folder/bin/pip" ]; then
        rm -rf "$folder"
        "$python" -m venv "$folder" ||
            fail "$python cannot create a virtual environment (Debian, Ubuntu: apt install python3-venv)"
    fi
    rm -rf "$folder/.installed" "$folder/.wheel"
    local pip=("$folder/bin/pip" --quiet --disable-pip-version-check)
    if [ "$how" = wheel ]; then
        "${pip[@]}" wheel --no-deps --wheel-dir "$folder/.wheel" . ||
            fail "the package could not be built; see the output of the compiler above"
        package=$(echo "$folder"/.wheel/*.whl)
        # pip installs a wheel of the same version only if forced to; its dependencies follow.
        "${pip[@]}" install --force-reinstall --no-deps "$package"
        "${pip[@]}" install "$package$extra" || fail "the dependencies could not be installed"
    else
        "${pip[@]}" install --editable ".$extra" ||
            fail "the package could not be built or installed; see the output of pip above"
    fi
    rm -rf "$folder/.wheel"
    printf '%s' "$digest" >"$folder/.installed"
}
