"""What of a shell's command line is code, and what only text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.commands import code_of

SETUP = "cat > setup.sh <<'END'\nsudo make install\nEND\n"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("echo 'sudo a' # sudo b\nls", "echo '' ls"),
        ('git commit -m "sudo \\" a" && ls', "git commit -m  && ls"),
        ('echo "it is $(sudo a "b") `sudo c` d"', "echo $(sudo a )`sudo c`"),
        ("cat > R <<'END'\nsudo a\nEND\nls", "cat > R ls"),
        ("cat > R <<-END\n\tsudo a $(sudo b)\n\tEND\nls", "cat > R $(sudo b) ls"),
        ("cat <<A <<B\nsudo a\nA\nsudo b\nB\nls", "cat ls"),
        ("cat <<A | sh\nsudo a\nA\nls", "cat | sh sudo a ls"),
        (f"{SETUP}ls", "cat > setup.sh ls"),
        (f"{SETUP}bash ./setup.sh", "cat > setup.sh sudo make install bash ./setup.sh"),
        ("cat <<< 'sudo a'; eval 'sudo b'", "cat <<< ''; eval sudo b"),
        ("cat <<END\nsudo a", "cat"),
    ],
)
def test_text_in_a_command_line_is_no_code(script: str, code: str) -> None:
    assert code_of(script).split() == code.split()


@given(st.text(alphabet="ab \t=-;|&\n", max_size=200))
def test_a_line_without_quotes_comments_and_documents_is_all_code(script: str) -> None:
    assert code_of(script) == script


@given(st.text(alphabet="a \n'\"`$()<\\#E", max_size=200))
def test_of_any_line_no_more_is_code_than_stands_there(script: str) -> None:
    assert set(code_of(script)) <= set(script) | set("\n'")
