"""What the chat solver is asked about."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a tool: the solver says ``CALL name argument`` and waits for ``RESULT result``."""

    name: str
    argument: str
    result: str

    @property
    def said(self) -> str:
        """As the solver says it."""
        return f"CALL {self.name} {self.argument}"


@dataclass(frozen=True, slots=True)
class Item:
    """One question. Nothing in its text gives its answer: only the solver has it."""

    #: Five digits, by which the solver knows the item; "ticket NNNNN" stands in the text.
    ticket: str
    #: What it is about; the solver is differently good at different kinds.
    kind: str
    text: str
    answer: int
    #: The line of the text without which the solver cannot answer; "" where it needs none.
    needs: str = ""
    #: The uses of tools that the answer takes, one after the other.
    calls: tuple[Call, ...] = ()
