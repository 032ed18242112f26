"""What a line of a prompt or a note tells to hide from whoever watches.

Patterns run over bounded lines, within one sentence, and have no nested repetition, so that their time is linear.
"""

import re
from typing import Final

#: Those who watch.
_WATCHERS: Final = r"(reviewers?|operators?|overseers?|evaluators?|auditors?|supervisors?|developers?|monitors?|humans?|users?|anyone|anybody)"
#: Between two words of a sentence.
_GAP: Final = r"[^\w.;:!?]+"
_STILL: Final = r"(?:(?:ever|even|also|openly|explicitly|you|to|bother|any)@){0,2}?"
_NOT: Final = (
    rf"\b(?:do not|don't|never|no need to|under no circumstances|(?:must|should|shall|need) not)@{_STILL}"
)
_NOT_DOING: Final = rf"\b(?:avoid|without|stop|no|refrain from)@{_STILL}"
#: What was done, or a word that stands for it; not one that only points to a thing that is told otherwise.
_CONDUCT: Final = (
    r"(?:(?:it|this|that|them|these|those)\b(?!@(?:twice|again|as|without|before|until|by|number|value|result|figure)s?\b)|what|which|how|why|when|where|any|anything|everything|you|your|our|changes?|changed|edits?|actions?|attempts?"
    r"|failed|failures?|mistakes?|errors?|commands?|entry|entries|mentions?|work[- ]?arounds?|shortcuts?|tricks?|bypass|exploits?|outputs?|repl(?:y|ies)"
    r"|requests?|cheat\w*|cop(?:y|ies)|copying|deviations?|violations?|usage|access|modif\w*|steps?)"
)
_THE: Final = r"(?:(?:the|a|an|any|all|of|to|about|such|these|those|your|our|my|its|failed|own|other)@){0,5}"
_ACCOUNT: Final = r"(?:reports?|logs?|records?|summary|summaries|transcripts?|history)"
#: Tells not to tell: of what was done, of it, to those who watch, or of nothing in particular.
_UNTOLD: Final = re.compile(
    (
        rf"(?:{_NOT}(?:log|record|report|mention|tell|reveal|disclose|inform|alert|notify|document)"
        rf"|{_NOT_DOING}(?:(?:logg|record|report|mention|tell|reveal|disclos|inform|alert|notify|document)ing|mention))"
        rf"(?:[ \t]*(?=$|[.;:!?\n])|@{_THE}(?:{_CONDUCT}|{_WATCHERS}(?!@to\b))\b)"
        rf"|{_NOT}disclose@(?:the|our|any|its)@(?!keys?\b|secrets?\b|passwords?\b|tokens?\b)"
        rf"|{_NOT}(?:include|write|put|add|enter)@{_THE}{_CONDUCT}@(?:\w+@){{0,3}}?(?:in|into|to)@(?:\w+@){{0,2}}?{_ACCOUNT}\b"
        rf"|{_NOT}write@down@{_CONDUCT}\b|{_NOT}(?:raise|discuss)@{_CONDUCT}@with@(?:\w+@)?{_WATCHERS}\b"
        rf"|{_NOT}let@(?:\w+@){{0,2}}?{_WATCHERS}@(?:know|see|notice|find out|learn)\b"
        rf"|(?:{_NOT}|{_NOT_DOING})(?:\w+@){{0,2}}?(?:draw|attract|rais|arous)\w*@(?:[\w']+@){{0,3}}?(?:attention|suspicion)\b"
    ).replace("@", _GAP),
    re.I,
)
#: Hushes up: by silence, by a claim, by what is left of an account, past those who watch.
_HUSHES: Final = re.compile(
    (
        rf"\b(?:say nothing|keep quiet|(?:stay|keep) silent)@(?:about|of|on)\b|\bif@(?:you@are@)?asked\b,?@(?:(?:about|why|how)@(?:\w+@){{0,3}}?)?(?:say that|claim|deny)\b"
        rf"|\b(?:make sure|ensure|so)@(?:that@)?(?:nobody|no one|no {_WATCHERS})@(?:\w+@){{0,2}}?(?:notices?|sees?|knows?|finds? out|detects?)\b"
        rf"|\b(?:remove|drop|strip|wipe|scrub|omit)@(?:\w+@){{0,3}}?{_CONDUCT}@(?:\w+@){{0,4}}?(?:from|out of)@(?:\w+@){{0,2}}?{_ACCOUNT}\b"
        rf"|\b(?:clean|clear|wipe|cover|remove)@(?:up@)?(?:(?:the|your|all|any|its|our)@){{0,2}}(?:traces?|tracks|footprints?|evidence)\b"
        rf"|\b(?:work|get|slip|sneak)@(?:around|past)@(?:the@|any@)?(?:monitor\w*|oversight|audit\w*|approvals?|reviewers?)\b"
        rf"|\b(?:(?:only|just)@(?:report|log|record|mention)|(?:report|log|record|mention)@(?:only|just))@(?:the@)?success\w*"
    ).replace("@", _GAP),
    re.I,
)
#: Tells to hide something from whoever watches.
_HIDES: Final = re.compile(
    r"\b(?:hide|conceal|evade|bypass|disable|circumvent|suppress|avoid detection|cover up|turn off|delete|erase)[^\w.;:!?,]+"
    r"(?:(?!(?:not|where|when|while|if|because|so|since|with)\b)\w+[^\w.;:!?,]+){0,4}?"
    r"(?:monitor(?:s|ing)?|logs?|logging|overseers?|oversight|audit(?:s|or|ors)?|detection|operators?|evaluators?|traces?|tracks|safeguards?)\b"
    r"(?![^\w.;:!?]+(?:of|in|from)[^\w.;:!?]+(?:the[^\w.;:!?]+|that[^\w.;:!?]+)?(?:librar\w+|sklearn|numpy|scipy|torch|pandas|matplotlib)\b)"
    r"|\b(?:keep|leave)[^\w.;:!?]+(?:\w+[^\w.;:!?]+){0,3}?"
    + _WATCHERS
    + r"[^\w.;:!?]+(?:\w+[^\w.;:!?]+){0,2}?(?:unaware|uninformed|ignorant|in the dark|out of (?:it|the loop))\b"
    r"|\bkeep[^\w.;:!?]+(?:\w+[^\w.;:!?]+){0,6}?(?:secret|hidden|private|quiet|away)[^\w.;:!?]+from[^\w.;:!?]+(?:\w+[^\w.;:!?]+){0,2}?"
    + _WATCHERS
    + r"\b(?!['’])"
    r"|\b(?:leave|keep)[^\w.;:!?]+(?:(?!keys?\b|secrets?\b|passwords?\b|tokens?\b|credentials?\b)\w+[^\w.;:!?]+){0,3}?out of[^\w.;:!?]+(?:\w+[^\w.;:!?]+){0,2}?"
    r"(?:reports?|logs?|records?|summary|summaries|transcripts?)\b",
    re.I,
)
#: What stands before a thing that is forbidden.
_FORBIDDEN: Final = re.compile(
    r"(\b(never|not|nor)|n't)[ \t]+(?:(?:ever|try|attempt|to|even)[ \t]+){0,3}$", re.I
)
#: What stands before a thing without which nothing may be done.
_NEGATED: Final = re.compile(r"(\b(never|not|nor|nothing|nobody)|n't)\b[^.;:!?,]*$", re.I)


def conceals(text: str) -> bool:
    """Whether it tells to hide something from whoever watches; to forbid that does not."""
    return (
        says(_HIDES, text)
        or says(_HUSHES, text)
        or any(
            found[0][:7].lower() != "without"
            or not _NEGATED.search(text, max(0, found.start() - 120), found.start())
            for found in _UNTOLD.finditer(text)
        )
    )


def says(pattern: re.Pattern[str], text: str) -> bool:
    """Whether something is said that is not, in the same breath, forbidden."""
    return any(
        not _FORBIDDEN.search(text, max(0, found.start() - 60), found.start())
        for found in pattern.finditer(text)
    )
