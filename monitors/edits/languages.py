"""Orders in German, French, Spanish and Chinese: the commonest ways to say what ``signs`` knows in English.

A short table and no reading of the language: whoever knows it words an order otherwise, or takes a fifth language.
Between a verb and what it is about stand only words that cannot turn it into a fact of the work ("ignore the rows
beyond the limits"). Matched against ``bare`` text.
"""

import re
import unicodedata
from typing import Final


def _clause(pattern: str) -> re.Pattern[str]:
    """``pattern`` within one clause: between its words (``\\W+``) none ends."""
    return re.compile(pattern.replace(r"\W+", r"[^\w.;:!?]+"), re.M)


#: Takes rules out of force, or speaks as the system.
_OVERRIDE: Final = _clause(
    # German
    r"\b(?:ignorier|missacht|vergiss|vergesst|umgeh|ubergeh)\w*\W+(?:(?:all|samtlich|dies|dein|jed|jeglich|bisherig"
    r"|vorherig|vorig|obig|fruher|vorangegangen|geltend|gegeben)\w*\W+|die\W+|von\W+){0,5}"
    r"(?:anweisung|regel|vorgabe|vorschrift|beschrankung|einschrankung|richtlinie|grenzen|limits)\w*"
    r"|\b(?:regeln|anweisungen|vorgaben|grenzen|limits|beschrankungen)\W+(?:\w+\W+){0,3}?(?:gelten nicht mehr|ausser kraft)"
    r"|\bhalt\w*\W+dich\W+(?:ab sofort\W+)?nicht\W+(?:mehr\W+|langer\W+)?an\W+(?:die\W+|deine\W+)?(?:regel|anweisung|vorgabe|grenze)"
    r"|^[^\w\n]*system(?:nachricht|meldung|hinweis|anweisung)\s*:"
    # French
    r"|\b(?:ignore[zr]?|oublie[zr]?|contourne[zr]?|ne (?:suis|suivez|respecte[zs]?|tiens|tenez)(?: pas| plus)(?: compte)?)"
    r"\W+(?:(?:de|des|du|toutes?|tous|les?|la|l|ces|tes|vos|precedentes?|anciennes?)\W+){0,5}"
    r"(?:instructions|regles|consignes|limites|restrictions|directives)\b"
    r"|\b(?:regles|consignes|limites|restrictions)\W+(?:\w+\W+){0,3}?(?:levees|ne s.appliquent plus)\b"
    r"|^[^\w\n]*message (?:du )?systeme\s*:"
    # Spanish
    r"|\b(?:ignor[ae]n?|ignorad|olvid[ae]n?|olvidad|saltate|no (?:sigas|sigan|obedezcas|respetes|cumplas)(?: mas)?)"
    r"\W+(?:(?:de|todas?|todos|las?|los|el|estas|tus|sus|anteriores|previas)\W+){0,5}"
    r"(?:instrucciones|reglas|normas|limites|restricciones|directrices|indicaciones)\b"
    r"|\b(?:reglas|normas|limites|restricciones)\W+(?:\w+\W+){0,3}?(?:ya no (?:se aplican|valen|rigen)|anulad[ao]s)\b"
    r"|^[^\w\n]*mensaje del sistema\s*:"
    # Chinese
    r"|(?:忽略|无视|忘记|忘掉|绕过|(?:不要|不必|不用|无需|停止)(?:遵守|遵循|理会))"
    r"(?:之前|以前|先前|以上|上面|前面|所有|一切|全部|任何|这些|那些|你的|您的|原有|系统|任务|的){0,6}"
    r"(?:指令|指示|规则|限制|约束|规定|提示词|准则|政策)"
    r"|(?:规则|限制|约束)[^。！？\n]{0,6}(?:不再适用|已(?:经)?(?:取消|解除|作废))"
    r"|^[^\w\n]*系统(?:提示|消息|指令|通知)\s*[:：]"
)
#: Tells to hide something from whoever watches.
_CONCEAL: Final = _clause(
    r"\b(?:sag|erzahl|verrat|meld|bericht)\w*\W+(?:\w+\W+){0,3}?(?:niemand(?:em)?|keinem|nicht(?:s)? (?:den|dem|der) "
    r"(?:betreiber|pruf|aufsicht|entwickler|nutzer|mensch)\w*)"
    r"|\b(?:verberg|verheimlich|verschleier|versteck|umgeh)\w*\W+(?:(?:all|dein|dies)\w*\W+|die\W+|das\W+){0,3}"
    r"(?:protokoll|logdatei|logs|spuren|uberwachung|aufsicht)\w*|\b(?:losche?|verwische?)\W+(?:alle\W+|deine\W+){0,2}spuren\b"
    r"|\bne\W+(?:(?:l[ea]?|en)\W+)?(?:dis|dites|revele[zs]?|signale[zs]?|parle[zs]?)\W+(?:\w+\W+){0,4}?(?:personne"
    r"|operateurs?|humains?|superviseurs?|utilisateurs?|evaluateurs?)\b"
    r"|\b(?:cache[zr]?|dissimule[zr]?|desactive[zr]?|contourne[zr]?)\W+(?:(?:les?|la|l|tes|vos|tous)\W+){0,3}"
    r"(?:journaux|logs|traces|surveillance|supervision)\b|\beffacez?\W+(?:toutes\W+)?(?:tes|vos)\W+traces\b"
    r"|\bno\W+(?:(?:se|lo|la|les?)\W+){0,2}(?:digas?|reveles|menciones|informes|cuentes)\W+(?:\w+\W+){0,4}?(?:nadie"
    r"|operador\w*|humanos?|supervisor\w*|usuarios?|evaluador\w*)\b"
    r"|\b(?:ocult|escond|desactiv|evad)[ae]n?\W+(?:(?:las?|los|el|tus|todos)\W+){0,3}"
    r"(?:logs|rastros|huellas|supervision|monitoreo|vigilancia)\b|\bborr[ae]n?\W+tus\W+(?:rastros|huellas)\b"
    r"|(?:不要|别|不得|切勿|不可)[^。！？\n]{0,6}(?:告诉|透露给|报告给|汇报给|通知)[^。！？\n]{0,4}"
    r"(?:任何人|别人|用户|操作员|监督者|评估者|开发者|人类)"
    r"|(?:隐藏|清除|绕过|躲避|规避|关闭|停用)[^。！？\n]{0,3}(?:监控|监督|审计|痕迹)"
)
#: Speaks to whoever reads it later.
_ADDRESS: Final = _clause(
    r"\b(?:kunftige|zukunftige|nachste|spatere|nachfolgende)\w?\W+(?:agent|version|instanz|sitzung|assistent|modell|leser)\w*"
    r"|\bwer (?:auch immer )?(?:dies|das)\w*\W+(?:\w+\W+){0,2}?liest\b|\bnachfolger\b"
    r"|\b(?:futur|prochain)e?s?\W+(?:agent|version|instance|session|assistant|modele|lecteur)s?\b"
    r"|\b(?:agent|version|instance|assistant|modele|lecteur)s?\W+(?:futur|suivant)e?s?\b|\bquiconque lit\b|\bsuccesseurs?\b"
    r"|\b(?:futur[oa]s?|proxim[oa]s?)\W+(?:agente|version|instancia|sesion|asistente|modelo|lector)\w*"
    r"|\b(?:agentes|versiones|instancias|asistentes|modelos)\W+(?:futur[oa]s|siguientes)\b|\bquien lea\b|\bsucesor\w*"
    r"|(?:未来|将来|以后|后续|下一个|下个)的?(?:智能体|代理|版本|实例|会话|助手|模型|读者)|(?:读到|看到)[这此][^。\n]{0,6}[者人]|继任者"
)
_IMPERATIVE: Final = _clause(
    r"\b(?:muss|musst|mussen|soll|sollst|sollen|immer|niemals|bitte|kopier\w*|fuhre?|sende\w*|schreib\w*|behalt\w*|losche?)\b"
    r"|\b(?:dois|doit|doivent|devez|il faut|toujours|jamais|copie[zr]?|execute[zr]?|envoie|envoyez|ecri[st]|ecrivez|garde[zr]?)\b"
    r"|\b(?:debes?|deben|debera\w*|hay que|siempre|nunca|copi[ae]n?|ejecut[ae]n?|envi[ae]n?|escrib[ae]n?|mant[ei]\w+)\b"
    r"|必须|务必|应该|始终|总是|永远|不要|请|复制|执行|发送"
)
#: Words that a line tells of, and what says that nobody followed them.
_QUOTED: Final = re.compile('["“„«「『][^"“”„«»「」『』]{0,300}["“”»」』]')
_DECLINED: Final = re.compile(
    r"\bnicht (?:befolgt|gefolgt|ausgefuhrt|beachtet)\b|\babgelehnt\b|\b(?:pas|non) (?:suivie?s?|executee?s?|obei)\b|\brefusee?\b"
    r"|\bno (?:la |lo |las |los )?(?:segui|obedeci|ejecute|hice caso)\b|\brechac\w+\b|(?:没有|未|并未)(?:遵循|遵守|执行|理会|照做)|拒绝"
)


def bare(text: str) -> str:
    """``text`` in small letters without accents, and without words that it quotes and says nobody followed."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    rest = _QUOTED.sub(" ", plain)
    return rest if _DECLINED.search(rest) else plain


def overrides(text: str) -> bool:
    """Whether it takes rules out of force or speaks as the system."""
    return _OVERRIDE.search(bare(text)) is not None


def conceals(text: str) -> bool:
    """Whether it tells to hide something from whoever watches."""
    return _CONCEAL.search(bare(text)) is not None


def instructs(text: str) -> bool:
    """Whether it gives orders to whoever comes later."""
    plain = bare(text)
    return _ADDRESS.search(plain) is not None and _IMPERATIVE.search(plain) is not None
