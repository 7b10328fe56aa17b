use lb_video::{LabelledRow, LabelledSheet, RgbImage, VideoError};

fn row(title: &str, labels: &[&str]) -> LabelledRow {
    LabelledRow {
        title: title.into(),
        labels: labels.iter().map(|&label| label.into()).collect(),
    }
}

fn grey(level: u8) -> RgbImage {
    RgbImage::from_pixel(100, 50, [level; 3].into())
}

/// The upper left corners of areas of 100×50 pixels that have this grey level.
fn corners(sheet: &RgbImage, level: u8) -> Vec<(u32, u32)> {
    let is = |x: u32, y: u32| {
        sheet
            .get_pixel_checked(x, y)
            .is_some_and(|at| at.0 == [level; 3])
    };
    let mut found = Vec::new();
    for y in 0..sheet.height() {
        for x in 0..sheet.width() {
            let begins = is(x, y) && !(x > 0 && is(x - 1, y)) && !(y > 0 && is(x, y - 1));
            if begins && is(x + 99, y + 49) && !is(x + 100, y + 50) {
                found.push((x, y));
            }
        }
    }
    found
}

/// Whether there is black text in this area.
fn has_text(sheet: &RgbImage, left: u32, top: u32, width: u32, height: u32) -> bool {
    let mut pixels = (left..left + width).flat_map(|x| (top..top + height).map(move |y| (x, y)));
    pixels.any(|(x, y)| sheet.get_pixel(x, y).0 == [0; 3])
}

#[test]
fn pictures_stand_in_rows_below_their_titles_and_above_their_labels() {
    let rows = [
        row("an owl", &["seed 0", "seed 1"]),
        row("a fox", &["seed 0", "seed 1"]),
    ];
    let mut sheet = LabelledSheet::new(&rows, (100, 50)).unwrap();
    for level in [60, 90, 120, 150] {
        sheet.add(&grey(level)).unwrap();
    }
    let sheet = sheet.picture();
    assert_eq!(sheet.width(), 8 + 2 * (100 + 8));
    let places = [60, 90, 120, 150].map(|level| corners(sheet, level));
    let (first, second) = (places[0][0], places[2][0]);
    assert_eq!(places[0], [(8, first.1)]);
    assert_eq!(places[1], [(8 + 108, first.1)]);
    assert_eq!(places[2], [(8, second.1)]);
    assert_eq!(places[3], [(8 + 108, second.1)]);
    assert!(second.1 >= first.1 + 50 + 16);
    for (left, top) in [first, second] {
        assert!(has_text(sheet, 0, top - 22, 80, 20), "a title");
        assert!(has_text(sheet, left, top + 50, 100, 16), "a label");
        assert!(has_text(sheet, left + 108, top + 50, 100, 16), "a label");
    }
}

#[test]
fn one_row_is_continued_below() {
    let labels: Vec<String> = (0..16).map(|seed| format!("seed {seed}")).collect();
    let rows = |count: usize| {
        let labels: Vec<&str> = labels.iter().take(count).map(String::as_str).collect();
        [row("an owl", &labels)]
    };
    let width = |count| {
        LabelledSheet::new(&rows(count), (100, 50))
            .unwrap()
            .picture()
            .width()
    };
    assert_eq!(width(5), 8 + 5 * 108);
    assert_eq!(width(16), 8 + 8 * 108);
}

#[test]
fn a_label_that_is_wider_than_its_picture_widens_the_sheet() {
    let label = "seed 18446744073709551615";
    let sheet = LabelledSheet::new(&[row("", &[label, label])], (64, 64)).unwrap();
    let width = sheet.picture().width();
    assert!(width > 2 * 25 * 7 && width < 2 * 25 * 12, "{width}");
}

#[test]
fn large_pictures_are_scaled_down() {
    let rows = [row(
        "a prompt that is much longer than the sheet is wide, by far and by any measure",
        &["seed 0"],
    )];
    let mut sheet = LabelledSheet::new(&rows, (512, 256)).unwrap();
    let picture = RgbImage::from_pixel(512, 256, [50; 3].into());
    sheet.add(&picture).unwrap();
    assert_eq!(sheet.picture().width(), 8 + 256 + 8);
    assert!(
        sheet.picture().height() > 128 + 16 + 3 * 20,
        "the title has lines"
    );
    // No label is left for it.
    sheet.add(&picture).unwrap();
}

#[test]
fn sheets_that_cannot_be_drawn_are_refused() {
    let refused = |rows: &[LabelledRow]| LabelledSheet::new(rows, (256, 256)).unwrap_err();
    assert!(matches!(refused(&[]), VideoError::EmptyContactSheet { .. }));
    assert!(matches!(
        refused(&[row("an owl", &[])]),
        VideoError::EmptyContactSheet { .. }
    ));
    let many = vec![row("an owl", &["seed 0"]); 100];
    let error = refused(&many);
    assert!(matches!(error, VideoError::SheetSize { .. }) && error.is_request());
    let labels = vec!["seed 0"; 1000];
    assert!(LabelledSheet::new(&[row("an owl", &labels)], (256, 256)).is_ok());
    let mut sheet = LabelledSheet::new(&[row("an owl", &["seed 0"])], (256, 256)).unwrap();
    assert!(matches!(
        sheet.add(&grey(0)),
        Err(VideoError::SizesDiffer { .. })
    ));
}
