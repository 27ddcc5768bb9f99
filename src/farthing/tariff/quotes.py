"""Which prices a use has by a catalog, and what it comes to in each unit, with the working. Nothing is charged here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fractions import Fraction
from typing import NamedTuple

from farthing.tariff.catalog import Catalog, Feature, ModelPrice
from farthing.tariff.errors import FeatureUnknown, PriceLater, UnknownPrice
from farthing.tariff.prices import Price, Use
from farthing.tariff.pricing import Cost, reckon
from farthing.tariff.wording import show_fraction, show_parts
from farthing.values.amounts import Unit


class Charge(NamedTuple):
    """What is charged in one unit, and by which price."""

    unit: Unit
    price: Price
    cost: Cost

    @property
    def text(self) -> str:
        """The amount as people read it: 50 credits."""
        return show_parts(self.cost.parts, self.unit)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a use would cost."""

    feature: str
    model: str
    use: Use
    charges: tuple[Charge, ...] = field(default=())

    @property
    def amounts(self) -> tuple[tuple[str, int], ...]:
        """(unit, smallest parts), in the order of the prices."""
        return tuple((charge.unit.name, charge.cost.parts) for charge in self.charges)

    @property
    def text(self) -> str:
        """The amounts in a line: 5 credits and 1 generation."""
        return " and ".join(charge.text for charge in self.charges)

    @property
    def working(self) -> tuple[str, ...]:
        """Line by line, with what each comes to, and the sum at the end of each unit's."""
        lines = []
        for charge in self.charges:
            lines += [f"{line.text} = {show_fraction(line.subtotal)}" for line in charge.cost.lines]
            lines.append(f"together {charge.text}")
        return tuple(lines)


def quote_use(
    catalog: Catalog,
    feature: str,
    model: str | None,
    use: Use,
    *,
    before: Mapping[str, Fraction] | None = None,
) -> Quote:
    """What a use costs by the catalog. `before` says, by unit, what was used before in the period of a price that is
    over one.

    Raises `FeatureUnknown`, `UnknownPrice`, `PriceLater`, `QuantityInvalid`, `AmountTooLarge`.
    """
    found = get_feature(catalog, feature)
    use = replace(use, measure=found.measure)
    charges = []
    for price in find_prices(found, model):
        unit = find_unit(catalog, price)
        try:
            cost = reckon(price, use, unit, before=(before or {}).get(unit.name, 0))
        except UnknownPrice as no:
            what = f"{no.what} with {model}" if model else no.what
            raise UnknownPrice(what=what, feature=feature, advice=no.advice) from None
        charges.append(Charge(unit, price, cost))
    return Quote(feature, model or "", use, tuple(charges))


def get_feature(catalog: Catalog, name: str) -> Feature:
    """A feature by its name. Raises `FeatureUnknown` with the nearest that there is."""
    found = catalog.features.get(name)
    if found is None:
        near = get_close_matches(name, catalog.features, 1)
        known = ", ".join(list(catalog.features)[:10]) or "none at all"
        raise FeatureUnknown(feature=name, advice=f"did you mean {near[0]}?" if near else f"it has {known}")
    return found


def find_unit(catalog: Catalog, price: Price) -> Unit:
    """What a price is charged in: the catalog's first unit where it does not say."""
    return catalog.units[price.unit] if price.unit else next(iter(catalog.units.values()))


def find_prices(feature: Feature, model: str | None) -> tuple[Price, ...]:
    """The prices of a use: those of the first pattern that its model matches, else what the feature says of models that
    nobody knows; its own where it has none for models, or no model is said.

    Raises `UnknownPrice`, never nothing; `PriceLater`.
    """
    found = find_model(feature, model)
    if found is not None:
        return found.prices
    is_unknown = bool(model and feature.models)
    if is_unknown and feature.unknown_model == "later":
        raise PriceLater(what=str(model), feature=feature.name)
    if feature.prices and (not is_unknown or feature.unknown_model == "fixed"):
        return feature.prices
    if not model and feature.models:
        advice = f"say which model it is (model=); priced are {list_patterns(feature)}"
        raise UnknownPrice(what="an unnamed model", feature=feature.name, advice=advice)
    if is_unknown:
        advice = f"priced are {list_patterns(feature)}; add it to the catalog, or set unknown_model"
        raise UnknownPrice(what=str(model), feature=feature.name, advice=advice)
    raise UnknownPrice(what="anything", feature=feature.name, advice="give it a price in the catalog")


def find_model(feature: Feature, model: str | None) -> ModelPrice | None:
    """The first pattern that a model's name matches, letter by letter; `*` is anything."""
    if not model:
        return None
    return next((each for each in feature.models if is_match(each.match, model)), None)


def is_match(pattern: str, model: str) -> bool:
    """Whether a name is as a pattern says: one walk, where a regular expression takes ages over many stars."""
    first, *parts = pattern.split("*")
    if not parts:
        return model == first
    place = len(first) if model.startswith(first) else -1
    for part in parts[:-1]:
        found = model.find(part, place) if place >= 0 else -1
        place = found + len(part) if found >= 0 else -1
    return 0 <= place <= len(model) - len(parts[-1]) and model.endswith(parts[-1])


def is_free_model(feature: Feature, model: str | None) -> bool:
    """Whether reports count a model among the free ones."""
    found = find_model(feature, model)
    return found is not None and found.is_free


def list_patterns(feature: Feature) -> str:
    """The first of them, for a sentence."""
    names = [each.match for each in feature.models]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
