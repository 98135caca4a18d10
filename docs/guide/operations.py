"""Operations on the sleep study's model."""

import hdsl

model = hdsl.read("examples/sleepstudy/model.hm")

for changed in (model.pooled(), model.unpooled(), model.drop("b1[Subject]")):
    print(f"# {changed.source.name}")
    print("".join(line + "\n" for line in changed.text.splitlines() if line and not line.startswith("#")))
    print("\n".join(str(diagnostic) for diagnostic in changed.diagnostics), end="\n\n")

fits = [m.fit("examples/sleepstudy/sleepstudy.csv") for m in (model.pooled(), model, model.unpooled())]
print("log-likelihood:", ", ".join(f"{fit.loglik:.2f} ({fit.dof} parameters)" for fit in fits))
