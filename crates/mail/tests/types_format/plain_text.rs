use postrider_mail::render::plain_text::from_html;
use proptest::prelude::*;

#[test]
fn blocks_stand_on_lines_of_their_own_and_links_are_spelt_out() {
    let html = "<h1>Title</h1><p>One <b>bold</b>\n word.</p><ul><li>a</li><li>b</li></ul>\
                <a href=\"https://example.com/?a=1&amp;b=2\">Go</a> <a href=\"https://example.com\">https://example.com</a>";
    assert_eq!(
        from_html(html),
        "Title\n\nOne bold word.\n\n- a\n- b\n\nGo (https://example.com/?a=1&b=2) https://example.com\n"
    );
}

#[test]
fn rows_become_lines_and_images_their_words() {
    let html =
        "<table><tr><td>Tea</td><td>$1.00</td></tr><tr><td><img alt=\"Logo\" src=\"x\"></td></tr></table>";
    assert_eq!(from_html(html), "Tea  $1.00\nLogo\n");
}

#[test]
fn what_nobody_sees_is_left_out() {
    let html = "<head><title>t</title><style>p { color: red }</style></head><!--[if mso]><p>Outlook</p><![endif]-->\
                <div style=\"display: none\">preview <b>text</b><br></div><p>seen</p>";
    assert_eq!(from_html(html), "seen\n");
}

#[test]
fn entities_are_characters() {
    assert_eq!(
        from_html("<p>a &amp;&lt;&gt;&quot;&#39;&#x2014;&unknown; b & c</p>"),
        "a &<>\"'—&unknown; b & c\n"
    );
}

#[test]
fn lines_are_wrapped_and_long_words_stay_whole() {
    let long_word = "x".repeat(100);
    let text = from_html(&format!("<p>{} {long_word}</p>", "word ".repeat(40)));
    assert!(text.lines().all(|line| line.chars().count() <= 76 || line == long_word), "{text}");
    assert!(text.contains(&long_word));
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(html in "[<>a/=\"'! &;#é-]{0,200}") {
        let _ = from_html(&html);
    }
}
