//! US dollars, exactly: what sending costs. Prices of what a customer has ordered never come here.

use std::fmt;
use std::str::FromStr;

/// Billionths in a dollar: prices of cloud services have that many places.
const NANOS: u64 = 1_000_000_000;

/// An amount of US dollars, to the billionth, never negative. Sums stop at the largest amount there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From billionths of a dollar.
    #[must_use]
    pub fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Billionths of a dollar.
    #[must_use]
    pub fn as_nanos(self) -> u64 {
        self.0
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left after `other`, nothing if it is more.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The amount times `part` / `whole`, rounded down; nothing if `whole` is nothing.
    #[must_use]
    pub fn times(self, part: u64, whole: u64) -> Self {
        let product = u128::from(self.0) * u128::from(part);
        Self(
            product
                .checked_div(u128::from(whole))
                .map_or(0, |nanos| u64::try_from(nanos).unwrap_or(u64::MAX)),
        )
    }
}

impl fmt::Display for Usd {
    /// With two places at least and no more than it takes: `12.50`, `0.000167858`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = format!("{:09}", self.0 % NANOS);
        let kept = places.trim_end_matches('0').len().max(2);
        write!(f, "{}.{}", self.0 / NANOS, &places[..kept])
    }
}

/// The text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an amount of US dollars such as 50 or 49.90, with at most 9 places")]
pub struct InvalidUsd;

impl FromStr for Usd {
    type Err = InvalidUsd;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(places) || places.len() > 9 {
            return Err(InvalidUsd);
        }
        let whole = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(NANOS));
        let places = format!("{places:0<9}").parse::<u64>().ok();
        whole.zip(places).and_then(|(whole, places)| whole.checked_add(places)).map(Self).ok_or(InvalidUsd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_and_written_without_a_loss() {
        for (text, written) in [
            ("50", "50.00"),
            ("49.9", "49.90"),
            ("0.000167858", "0.000167858"),
            ("0", "0.00"),
            ("007.50", "7.50"),
        ] {
            let amount: Usd = text.parse().unwrap();
            assert_eq!(amount.to_string(), written);
            assert_eq!(written.parse(), Ok(amount));
        }
        for wrong in ["", "-1", "1.", ".5", "1e3", "1,5", "0.0000000001", "99999999999"] {
            assert_eq!(wrong.parse::<Usd>(), Err(InvalidUsd), "{wrong}");
        }
    }

    #[test]
    fn sums_stay_within_what_an_amount_can_be() {
        let (most, one) = (Usd::from_nanos(u64::MAX), Usd::from_nanos(1));
        assert_eq!((most.plus(one), one.less(most)), (most, Usd::ZERO));
        assert_eq!((most.times(u64::MAX, 1), one.times(1, 0)), (most, Usd::ZERO));
        assert_eq!(Usd::from_nanos(10).times(3, 4), Usd::from_nanos(7));
    }
}
