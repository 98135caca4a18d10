"""The figures of the case study: shares of yes at each age, and how well probabilities tell the shares."""

from pathlib import Path

import hdsl

here = Path(__file__).parent
fit = hdsl.read(here / "model.hm").fit(here / "voters.csv.gz")

shares = fit.plot.proportions("Age", by="Female")
shares.save(here / "shares.svg")
print(shares.data.query("Age == 40").to_string(index=False, float_format="{:.3f}".format))

ranked = fit.plot.ranked(bins=20)
ranked.save(here / "ranked.svg")
print()
print(ranked.caption)
