"""A fit in a file."""

from pathlib import Path
from tempfile import mkdtemp

import hdsl

path = Path(mkdtemp(), "sleep.hmfit")
hdsl.read("examples/sleepstudy/model.hm").fit("examples/sleepstudy/sleepstudy.csv").save(path)

fit = hdsl.load(path)
print(fit)
print(fit.predict({"Subject": ["308"], "Days": [12]}))
