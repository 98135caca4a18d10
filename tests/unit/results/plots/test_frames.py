"""The frames of pictures against computations of their own, most from the rows themselves."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from hdsl.diagnostics import FitError
from tests.unit.results.plots import conftest as made


def z(level):
    return NormalDist().inv_cdf(0.5 + level / 2.0)


class TestCaterpillar:
    def test_modes_in_order_with_intervals(self, sleepstudy):
        frame = sleepstudy.plot.caterpillar("b1[Subject]", level=0.9).data
        modes = sleepstudy.ranef["b1[Subject]"].sort_values("estimate")
        assert frame["group"].tolist() == list(modes.index)
        assert frame["rank"].tolist() == list(range(1, 19))
        np.testing.assert_allclose(frame["upper"], modes["estimate"] + z(0.9) * modes["se"])
        assert (frame["has_zero"] == (frame["estimate"].abs() < z(0.9) * frame["se"])).all()

    def test_an_index_set_stands_for_its_effects(self, nested):
        by_default = nested.plot.caterpillar().data
        assert list(by_default["effect"].unique()) == ["u0[class]", "u1[class]"]
        assert list(nested.plot.caterpillar("school").data["effect"].unique()) == ["g0[school]"]
        pd.testing.assert_frame_equal(nested.plot.caterpillar("class").data, by_default)

    def test_what_is_not_there_is_refused_with_what_is(self, nested):
        with pytest.raises(FitError, match=r"there is no effect 'u2\[class\]': did you mean `u"):
            nested.plot.caterpillar("u2[class]")
        with pytest.raises(FitError, match="vary over one index set"):
            nested.plot.caterpillar(["u0[class]", "g0[school]"])


class TestLines:
    def test_each_panel_has_its_effects_and_no_others(self, sleepstudy):
        frame = sleepstudy.plot.lines().data
        b0, b1 = sleepstudy.fixef
        u0, u1 = (sleepstudy.ranef[f"{name}[Subject]"]["estimate"] for name in ("b0", "b1"))
        lines = frame[frame["part"] == "group"]
        own = {name: effects.loc[lines["group"]].to_numpy() for name, effects in (("u0", u0), ("u1", u1))}
        days, panel = lines["Days"].to_numpy(), lines["panel"].to_numpy()
        expected = {
            "varying intercepts": b0 + own["u0"] + b1 * days,
            "varying slopes": b0 + (b1 + own["u1"]) * days,
            "both": b0 + own["u0"] + (b1 + own["u1"]) * days,
        }
        for name, values in expected.items():
            np.testing.assert_allclose(lines["estimate"][panel == name], values[panel == name], rtol=1e-12)
        mean = frame[frame["part"] == "mean"]
        np.testing.assert_allclose(mean["estimate"], b0 + b1 * mean["Days"], rtol=1e-12)

    def test_lines_are_predictions_for_rows_that_never_were(self, nested):
        """Coarser effects, covariates of the groups and the square are those of a prediction from columns."""
        data = made.pupils()
        frame = nested.plot.lines("x", vary="both").data
        lines = frame[frame["part"] == "group"]
        of_class = data.groupby("class")[["school", "size"]].first().loc[lines["group"]].reset_index()
        new = of_class.assign(x=lines["x"].to_numpy())
        np.testing.assert_allclose(lines["estimate"], nested.predict(new), rtol=1e-10)
        ends = lines.groupby("group")["x"].agg(["min", "max"])
        pd.testing.assert_frame_equal(ends, data.groupby("class")["x"].agg(["min", "max"]), check_names=False)

    def test_of_a_binary_outcome_probabilities_with_other_covariates_held(self, voting):
        data = made.voters()
        frame = voting.plot.lines("Age").data
        lines = frame[frame["part"] == "group"]
        held = {"Female": data["Female"].mean(), "Income": data["Income"].mode()[0]}
        new = pd.DataFrame({"district": lines["group"], "Age": lines["Age"], **held})
        np.testing.assert_allclose(lines["estimate"], voting.predict(new), rtol=1e-10)

    def test_what_does_not_vary_within_groups_is_refused(self, nested, voting):
        with pytest.raises(FitError, match="`size` does not vary within the groups of class"):
            nested.plot.lines("size", "class")
        with pytest.raises(FitError, match="has levels, not numbers"):
            voting.plot.lines("Income")
        with pytest.raises(FitError, match="no lines with 'slopes' over Age: ask for intercepts"):
            voting.plot.lines("Age", vary="slopes")


class TestEffects:
    def test_predictions_at_values_of_what_it_interacts_with(self, nested):
        data = made.pupils()
        frame = nested.plot.effects("x", level=0.9).data
        sizes = np.quantile(data["size"], [0.1, 0.5, 0.9])
        np.testing.assert_allclose(frame["size"].unique(), sizes)
        new = pd.DataFrame({"x": frame["x"], "size": frame["size"], "class": "c00", "school": "s0"})
        expected = nested.predictions(new, include=None, level=0.9)
        np.testing.assert_allclose(frame[["estimate", "se", "lower", "upper"]], expected, rtol=1e-10)
        b = nested.fixef
        by_hand = b["g0"] + b["g1"] * frame["size"] + (b["h0"] + b["h1"] * frame["size"]) * frame["x"]
        np.testing.assert_allclose(frame["estimate"], by_hand + b["b2"] * frame["x"] ** 2, rtol=1e-10)

    def test_sets_by_their_levels_and_values_that_are_asked_for(self, voting):
        frame = voting.plot.effects("Income", "Female", at={"Female": [0, 1], "Age": [30]}, scale="link").data
        assert frame["Income"].tolist() == ["1", "2", "3"] * 2
        new = pd.DataFrame({"Income": frame["Income"], "Female": frame["Female"], "Age": 30.0, "district": "d00"})
        np.testing.assert_allclose(frame["estimate"], voting.predict(new, include=None, scale="link"), rtol=1e-10)

    def test_of_an_ordered_outcome_each_category(self, ordinal):
        frame = ordinal.plot.effects("x").data
        total = frame.groupby("x")["estimate"].sum()
        np.testing.assert_allclose(total, 1.0)
        new = pd.DataFrame({"x": total.index, "f": made.ratings()["f"].mean(), "judge": "0"})
        expected = ordinal.predict(new, include=None)
        for category in expected:
            np.testing.assert_allclose(frame["estimate"][frame["category"] == category], expected[category])

    def test_what_is_not_there_is_refused(self, voting):
        with pytest.raises(FitError, match="no covariate 'age': did you mean `Age`"):
            voting.plot.effects("age")
        with pytest.raises(FitError, match="`Income` has no level '9'"):
            voting.plot.effects("Age", "Income", at={"Income": ["9"]})


class TestProportions:
    def test_shares_of_the_rows_as_they_are(self, voting):
        data = made.voters().assign(p=voting.fitted.to_numpy())
        frame = voting.plot.proportions("Age", "Female").data
        expected = data.groupby(["Female", "Age"]).agg(rows=("y", "size"), share=("y", "mean"), fitted=("p", "mean"))
        for column in expected:
            np.testing.assert_allclose(frame[column], expected[column].to_numpy(), rtol=1e-12)
        assert frame[["Female", "Age"]].to_numpy().tolist() == [list(key) for key in expected.index]

    def test_intervals_are_those_of_statsmodels(self, binomial):
        from statsmodels.stats.proportion import proportion_confint

        frame = binomial.plot.proportions("x", bins=5, level=0.9).data
        expected = proportion_confint(frame["successes"], frame["trials"], alpha=0.1, method="wilson")
        np.testing.assert_allclose(frame[["lower", "upper"]], np.column_stack(expected), rtol=1e-9)
        data = made.herds()
        assert frame["trials"].sum() == data["n"].sum()
        assert frame["successes"].sum() == data["y"].sum()
        by_bin = data.groupby(pd.qcut(data["x"], 5, labels=False))
        np.testing.assert_allclose(frame["x"], by_bin["x"].mean(), rtol=1e-9)
        np.testing.assert_allclose(frame["share"], by_bin["y"].sum() / by_bin["n"].sum(), rtol=1e-12)

    def test_over_the_levels_of_a_set(self, voting):
        frame = voting.plot.proportions("Income").data
        expected = made.voters().groupby("Income")["y"].mean()
        assert frame["Income"].tolist() == list(expected.index)
        np.testing.assert_allclose(frame["share"], expected, rtol=1e-12)

    def test_by_the_groups_each_has_a_panel(self, voting):
        picture = voting.plot.proportions("Female", "district")
        expected = made.voters().groupby(["district", "Female"])["y"].mean()
        assert picture.data["district"].tolist() == [district for district, _ in expected.index]
        np.testing.assert_allclose(picture.data["share"], expected, rtol=1e-12)
        assert sum(axes.get_visible() for axes in picture.figure.axes) == 20

    def test_too_many_groups_are_refused(self, voting, monkeypatch):
        from hdsl.results.plots import proportions

        monkeypatch.setattr(proportions, "MOST_PANELS", 10)
        with pytest.raises(FitError, match="20 values of `district` are too many for shares of their own"):
            voting.plot.proportions("Age", "district")


class TestRanked:
    def test_bins_and_what_they_leave_of_the_variance(self, voting):
        picture = voting.plot.ranked(bins=8)
        data = made.voters()[["y"]].assign(
            whole=voting.fitted.to_numpy(), fixed=voting.predict(include=None).to_numpy()
        )
        ordered = data.sort_values("whole", kind="stable").reset_index(drop=True)
        bins = ordered.groupby(ordered.index // 50).mean()
        np.testing.assert_allclose(picture.data[["observed", "whole", "fixed"]], bins, rtol=1e-12)
        variance = bins["y"].var(ddof=0)
        assert picture.facts["variance"] == pytest.approx(variance)
        for name in ("whole", "fixed"):
            left = ((bins["y"] - bins[name]) ** 2).mean() / variance
            assert picture.facts[f"left_by_{name}"] == pytest.approx(left)
            assert picture.facts[f"described_by_{name}"] == pytest.approx(1.0 - left)

    def test_the_share_agrees_with_the_words(self, voting):
        picture = voting.plot.ranked()
        assert f"leaves {100 * picture.facts['left_by_fixed']:.1f} %" in picture.caption

    def test_bins_weigh_by_their_trials(self, binomial):
        picture = binomial.plot.ranked(bins=4)
        frame = picture.data
        overall = np.average(frame["observed"], weights=frame["trials"])
        assert overall == pytest.approx(made.herds()["y"].sum() / made.herds()["n"].sum())
        variance = np.average((frame["observed"] - overall) ** 2, weights=frame["trials"])
        assert picture.facts["variance"] == pytest.approx(variance)

    def test_two_bins_are_needed(self, voting):
        with pytest.raises(FitError, match="1 bins have no variance"):
            voting.plot.ranked(bins=1)


class TestModes:
    def test_standardised_modes_against_quantiles(self, sleepstudy):
        frame = sleepstudy.plot.modes_qq("b0[Subject]").data
        modes = sleepstudy.ranef["b0[Subject]"]["estimate"]
        np.testing.assert_allclose(frame["standardised"], modes / sleepstudy.params["sd(b0[Subject])"])
        ordered = frame.sort_values("estimate")["quantile"]
        np.testing.assert_allclose(ordered, [NormalDist().inv_cdf((k + 0.5) / 18) for k in range(18)])


class TestProfile:
    def test_it_is_the_profile_of_each_parameter(self, sleepstudy):
        frame = sleepstudy.plot.profile("sd", level=0.9).data
        expected = sleepstudy.profile("sd", 0.9, 6)
        np.testing.assert_allclose(frame[["value", "zeta", "deviance"]], expected)
        assert set(frame["parameter"]) == {"sd"}

    def test_by_default_what_bends(self, binomial):
        assert set(binomial.plot.profile().data["parameter"]) == {"sd_herd"}


class TestLevels:
    def test_sets_with_their_units_and_what_they_lie_in(self, nested):
        frame = nested.plot.levels().data.set_index("index_set")
        assert frame.loc["[class]", "units"] == 24
        assert frame.loc["[class]", "in"] == "[school]"
        assert frame.loc["[i]", "units"] == len(made.pupils())


class TestCatalogue:
    def test_a_fit_names_what_it_has_and_why_not_the_others(self, plain, voting, sleepstudy):
        assert plain.plot.available() == ("levels", "effects", "profile", "residuals")
        assert {"proportions", "ranked"} <= set(voting.plot.available())
        table = sleepstudy.plot.catalogue()
        assert tuple(table.index[table["available"]]) == sleepstudy.plot.available()
        assert table.loc["ranked", "why_not"] == "`normal` is no binary outcome"

    @pytest.mark.parametrize("name", ["lines", "caterpillar", "shrinkage", "modes_qq", "proportions", "ranked"])
    def test_what_a_fit_has_not_is_refused(self, plain, name):
        with pytest.raises(FitError, match=f"there is no `{name}` plot of this fit") as caught:
            getattr(plain.plot, name)()
        assert caught.value.code == "HM517"

    def test_by_name_with_options(self, sleepstudy):
        by_name = sleepstudy.plot.draw("caterpillar", effect="b1[Subject]", level=0.5)
        pd.testing.assert_frame_equal(by_name.data, sleepstudy.plot.caterpillar("b1[Subject]", level=0.5).data)
        with pytest.raises(FitError, match="there is no plot 'pie'"):
            sleepstudy.plot.draw("pie")
        with pytest.raises(FitError, match="`ranked` has no option 'effect': it has bins"):
            sleepstudy.plot.draw("ranked", effect="x")


class TestModesWithoutVariance:
    @pytest.fixture(scope="class")
    @classmethod
    def flat(cls):
        """Groups that do not differ."""
        import hdsl

        data = pd.DataFrame({"j": np.arange(40) % 8, "y": np.tile(np.repeat([-1.0, 1.0, -2.0, 2.0, 0.5], 8), 1)})
        return hdsl.Model("y[i] ~ normal(b0[j], sd)\nb0[j] ~ normal(b0, sd_j)").fit(data)

    def test_they_have_no_quantiles(self, flat):
        assert flat.params["sd_j"] == 0.0
        assert flat.plot.catalogue().loc["modes_qq", "why_not"] == "the variances between groups are zero"
        with pytest.raises(FitError, match="there is no `modes_qq` plot of this fit"):
            flat.plot.modes_qq()

    def test_they_are_drawn_to_their_mean_in_full(self, flat):
        table = flat.plot.shrinkage().data
        assert (table["weight"] == 0.0).all()
        np.testing.assert_allclose(table["estimate"], table["mean"])
