//! How a language and region write numbers, money, dates and plurals (CLDR data, through ICU4X).

use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use icu_calendar::{Date, Gregorian};
use icu_datetime::fieldsets::{T, YMD};
use icu_datetime::input::Time;
use icu_datetime::{FixedCalendarDateTimeFormatter, NoCalendarFormatter};
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal as Digits;
use icu_experimental::dimension::currency::CurrencyType;
use icu_experimental::dimension::currency::formatter::CurrencyFormatter;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralOperands, PluralRules};
use minijinja::value::Object;
use rust_decimal::{Decimal, RoundingStrategy};

use super::money::minor_units;

/// Currencies whose signs one locale remembers. A shop has a handful; what comes beyond is looked up each time.
const CURRENCIES_KEPT_MAX: usize = 64;

/// The conventions of one locale.
pub struct Formats {
    tag: String,
    locale: Locale,
    number: DecimalFormatter,
    date: FixedCalendarDateTimeFormatter<Gregorian, YMD>,
    time: NoCalendarFormatter<T>,
    plurals: PluralRules,
    signs: RwLock<Vec<(String, Arc<Signs>)>>,
}

/// What stands around the digits of an amount.
#[derive(Debug, Default)]
struct Signs {
    positive: (String, String),
    negative: (String, String),
}

impl Formats {
    /// The conventions of a BCP 47 tag such as `de` or `en-IN`; `None` if it is not one. A language CLDR does not know
    /// gets the conventions of the root locale.
    #[must_use]
    pub fn of(tag: &str) -> Option<Self> {
        let locale = Locale::from_str(tag).ok()?;
        Some(Self {
            tag: locale.id.to_string(),
            number: DecimalFormatter::try_new((&locale).into(), Default::default()).ok()?,
            date: FixedCalendarDateTimeFormatter::try_new((&locale).into(), YMD::long()).ok()?,
            time: NoCalendarFormatter::try_new((&locale).into(), T::hm()).ok()?,
            plurals: PluralRules::try_new((&locale).into(), Default::default()).ok()?,
            signs: RwLock::default(),
            locale,
        })
    }

    /// The tag in its canonical form.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Whether the language is written from right to left.
    #[must_use]
    pub fn is_right_to_left(&self) -> bool {
        matches!(
            self.locale.id.language.as_str(),
            "ar" | "ckb" | "dv" | "fa" | "he" | "ks" | "ps" | "sd" | "ug" | "ur" | "yi"
        )
    }

    /// A number with the locale's separators: `1,234.5`, `1.234,5`.
    #[must_use]
    pub fn number(&self, number: Decimal) -> String {
        self.number.format(&digits(number)).to_string()
    }

    /// An amount with its currency's sign and digits: `$1,234.50`, `1.234,50 €`. Digits beyond the currency's own
    /// (ISO 4217) are rounded half to even.
    #[must_use]
    pub fn money(&self, amount: Decimal, currency: &str) -> String {
        let places = minor_units(currency);
        let mut amount = amount.round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven);
        amount.rescale(places);
        let signs = self.signs(currency);
        let (before, after) =
            if amount.is_sign_negative() && !amount.is_zero() { &signs.negative } else { &signs.positive };
        let mut text = String::with_capacity(before.len() + after.len() + 24);
        text.push_str(before);
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", self.number.format(&digits(amount.abs())));
        text.push_str(after);
        text
    }

    /// A day: `November 23, 2026`, `23. November 2026`; `None` outside the years 1 to 9999.
    #[must_use]
    pub fn date(&self, day: jiff::civil::Date) -> Option<String> {
        let year = i32::from(day.year());
        let (month, day) = (u8::try_from(day.month()).ok()?, u8::try_from(day.day()).ok()?);
        let date = Date::try_new_gregorian(year, month, day).ok().filter(|_| year > 0)?;
        Some(self.date.format(&date).to_string())
    }

    /// A time of day to the minute: `4:42 PM`, `16:42`.
    #[must_use]
    pub fn time(&self, time: jiff::civil::Time) -> Option<String> {
        let part = |part: i8| u8::try_from(part).ok();
        let time = Time::try_new(part(time.hour())?, part(time.minute())?, 0, 0).ok()?;
        Some(self.time.format(&time).to_string())
    }

    /// The plural category of a number: `zero`, `one`, `two`, `few`, `many` or `other`.
    #[must_use]
    pub fn plural(&self, number: Decimal) -> &'static str {
        category_name(self.plurals.category_for(PluralOperands::from(&digits(number))))
    }

    /// The plural categories the language has.
    pub fn plural_categories(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.plurals.categories().map(category_name)
    }

    fn signs(&self, currency: &str) -> Arc<Signs> {
        let kept = self.signs.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, signs)) = kept.iter().find(|(known, _)| known == currency) {
            return Arc::clone(signs);
        }
        drop(kept);
        let signs = Arc::new(self.look_up_signs(currency));
        let mut kept = self.signs.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < CURRENCIES_KEPT_MAX {
            kept.push((currency.to_owned(), Arc::clone(&signs)));
        }
        signs
    }

    /// CLDR counts some currencies in fewer digits than ISO 4217 does, and would round what was paid. So only what
    /// stands around the digits is taken from it.
    fn look_up_signs(&self, currency: &str) -> Signs {
        let formatter = CurrencyType::try_from_str(currency).ok().and_then(|code| {
            CurrencyFormatter::try_new_symbol((&self.locale).into(), code, Default::default()).ok()
        });
        let Some(formatter) = formatter else {
            // Not a currency code at all: shown as it came, apart from the number.
            let before = format!("{currency}\u{a0}");
            return Signs {
                negative: (format!("-{before}"), String::new()),
                positive: (before, String::new()),
            };
        };
        let around = |amount: i32| {
            split_around_digits(&formatter.format_fixed_decimal(&Digits::from(amount)).to_string())
        };
        Signs { positive: around(1), negative: around(-1) }
    }
}

fn split_around_digits(text: &str) -> (String, String) {
    let first = text.find(char::is_numeric).unwrap_or(text.len());
    let end = text.char_indices().rfind(|(_, c)| c.is_numeric()).map_or(first, |(at, c)| at + c.len_utf8());
    (text[..first].to_owned(), text[end..].to_owned())
}

fn digits(number: Decimal) -> Digits {
    // The text of a decimal is always one; zero stands for the impossible.
    Digits::from_str(&number.to_string()).unwrap_or_default()
}

fn category_name(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}

impl std::fmt::Debug for Formats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Formats").field(&self.tag).finish()
    }
}

/// So that filters find it among a template's variables.
impl Object for Formats {}
