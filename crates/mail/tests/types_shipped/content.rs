//! What is in the bodies.

use std::fs;

use crate::every::{Made, messages};

/// Columns a line of text may fill, unless it is one word.
const COLUMNS: usize = 76;

/// Each occurrence of `tag`, up to its `>`.
fn tags<'a>(html: &'a str, tag: &str) -> Vec<&'a str> {
    let open = format!("<{tag} ");
    html.split(&open).skip(1).map(|rest| rest.split('>').next().unwrap_or_default()).collect()
}

#[track_caller]
fn each(check: impl Fn(&Made)) {
    messages().iter().for_each(check);
}

#[test]
fn gmail_shows_every_message_whole() {
    each(|made| assert!(made.preview.html.len() < 100_000, "{}: {}", made.name, made.preview.html.len()));
}

#[test]
fn html_says_its_language_and_hides_a_preheader() {
    each(|made| {
        let html = &made.preview.html;
        assert!(html.contains(&format!("lang=\"{}\" dir=\"ltr\"", made.locale)), "{}", made.name);
        assert!(html.contains("<meta name=\"color-scheme\" content=\"light dark\""), "{}", made.name);
        assert!(html.contains("prefers-color-scheme: dark"), "{}", made.name);
        let preheader = html.split_once("display:none").unwrap().1.split_once('>').unwrap().1;
        let preheader = preheader.split_once("</div>").unwrap().0.trim();
        assert!(preheader.chars().count() > 20, "{}: {preheader:?}", made.name);
    });
}

#[test]
fn layout_tables_have_a_role_and_pictures_have_words() {
    each(|made| {
        let html = &made.preview.html;
        for table in html.split("<table ").skip(1) {
            let (attributes, rest) = table.split_once('>').unwrap();
            // What is left is a table of data, which needs no role to be one.
            let cells = rest.split("</table>").next().unwrap();
            let is_data = cells.contains("scope=\"col\"") || cells.contains("class=\"sum\"");
            assert!(
                attributes.contains("role=\"presentation\"") || is_data,
                "{}: <table {attributes}>",
                made.name
            );
        }
        let pictures = tags(html, "img");
        assert!(!pictures.is_empty(), "{}", made.name);
        assert!(pictures.iter().all(|picture| picture.contains("alt=\"Example Shop\"")), "{}", made.name);
        assert!(html.contains("<h1"), "{}", made.name);
    });
}

#[test]
fn nothing_of_the_data_becomes_markup() {
    each(|made| {
        assert!(!made.preview.html.contains("<script>alert"), "{}", made.name);
        assert!(!made.preview.html.contains("{{ 7*7 }}") || made.name.contains("awkward"), "{}", made.name);
        assert!(!made.preview.html.contains(">49<"), "{}", made.name);
    });
}

#[test]
fn every_customer_reads_who_sends_and_where_to_find_help() {
    each(|made| {
        if made.name.starts_with("merchant_new_order") {
            return;
        }
        for body in [&made.preview.html, &made.preview.text] {
            let body = body.replace("&#39;", "'").replace('\n', " ");
            assert!(body.contains("12 St James's Square, London SW1Y 4JH"), "{}: {body}", made.name);
            assert!(body.contains("help@shop.example.com"), "{}", made.name);
            assert!(body.contains("https://shop.example.com/help"), "{}", made.name);
        }
    });
}

#[test]
fn text_is_wrapped_and_has_no_markup() {
    each(|made| {
        let text = &made.preview.text;
        for line in text.lines() {
            let is_one_word = !line.trim_start_matches(['*', ' ']).contains(' ');
            assert!(line.chars().count() <= COLUMNS || is_one_word, "{}: {line:?}", made.name);
            assert_eq!(line, line.trim_end(), "{}", made.name);
        }
        assert!(!text.contains("\n\n\n"), "{}: {text}", made.name);
        assert!(!text.contains("&amp;") && !text.contains("&#"), "{}: {text}", made.name);
        let of_data = "<script>alert(1)</script>";
        let without_data = text.replace('\n', " ").replace(of_data, "");
        for tag in ["<p", "<br", "<strong", "<td", "<a ", "<bdi", "</"] {
            assert!(!without_data.contains(tag), "{}: {text}", made.name);
        }
    });
}

#[test]
fn every_link_of_the_html_is_spelt_out_in_the_text() {
    each(|made| {
        let text = made.preview.text.replace('\n', " ");
        // Products and the shop's front page are links that a reader of text does without.
        let left_out =
            |link: &str| link.contains("/p/") || link == "https://shop.example.com/" && !text.contains(link);
        for anchor in tags(&made.preview.html, "a") {
            let link =
                anchor.split_once("href=\"").unwrap().1.split('"').next().unwrap().replace("&amp;", "&");
            let bare = link.strip_prefix("mailto:").unwrap_or(&link);
            assert!(text.contains(bare) || left_out(bare), "{}: {bare} is not in\n{text}", made.name);
        }
    });
}

#[test]
fn colours_have_the_contrast_that_aa_asks_for() {
    let theme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../notifications/_layout/theme.toml");
    let theme: toml::Table = fs::read_to_string(theme).unwrap().parse().unwrap();
    let colour = |name: &str| theme[name].as_str().unwrap().to_owned();
    for (words, ground) in [
        ("text", "card"),
        ("quiet", "card"),
        ("quiet", "page"),
        ("button_text", "button"),
        ("dark_text", "dark_card"),
        ("dark_quiet", "dark_card"),
        ("dark_quiet", "dark_page"),
        ("dark_button_text", "dark_button"),
    ] {
        let ratio = contrast(&colour(words), &colour(ground));
        assert!(ratio >= 4.5, "{words} on {ground}: {ratio:.2}");
    }
}

/// WCAG 2.2, "contrast ratio".
fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}
