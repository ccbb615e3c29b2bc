"""Words that say nothing about what a question is about.

They are words of several languages, but for such as mean something in another one of these: "die"
is no article to whoever asks in English. Terms that most documents have count for little anyway.
"""

_ENGLISH = """
a about above after again against all also am an and any are aren as at be because been before
being below between both but by can cannot could couldn d did didn do does doesn doing don down
during each few for from further get got had hadn has hasn have haven having he her here hers
herself him himself his how i if in into is isn it its itself just let ll m may me might mine more
most much must my myself no nor not now of off on once only or other ought our ours ourselves out
over own please re s same shall she should shouldn so some such t tell than thanks that the their
theirs them themselves then there these they this those through to too under until up us ve very
want was wasn we were weren what when where which while who whom whose why will with won would
wouldn yes you your yours yourself yourselves
"""

_GERMAN = """
aber als auch auf aus bei beim bin bis bist bitte da damit dann das dass dein deine dem den der
des dessen dich dir doch dort du durch ein eine einem einen einer eines er es euch euer für gibt
habe haben hatte hier ich ihm ihn ihnen ihr ihre im ist ja jede jeder jedes kann kannst kein keine
können könnte mein meine meinem meinen meiner mich mir mit muss müssen nach nein nicht noch nun
nur ob oder ohne sehr sein seine sich sie sind soll sollte um und uns unser unter vom von vor wann
warum weil welche welcher welches wenn wer werde werden wie wieder wieso wir wird wirst wo wurde
würde zu zum zur zwischen über
"""

_FRENCH = """
alors au aux avec ce ces cet cette comme dans de depuis donc du elle elles en est et il ils je la
le les leur leurs lui mais mes moi mon même nos notre nous ont où pas peut pourquoi puis quand que
quel quelle quelles quels qui quoi sa sans sera ses sont sur ta tes toi tous toute très tu un une
vos votre vous à été être
"""

_SPANISH = """
al ante antes aunque como con cual cuando cuál cuándo cómo del desde donde dónde el ella ellas
ellos entre eres es esa ese eso esta este esto estoy está están fue ha hace hacia han hasta la las
lo los mi mis muy más ni nosotros o para pero por porque puede puedo que quien quién qué se ser
sobre soy su sus sí también te tiene todo todos tu tus un una unos y ya yo
"""

STOP_WORDS = frozenset(" ".join((_ENGLISH, _GERMAN, _FRENCH, _SPANISH)).split())
