//! Laws of the camera.

use lb_schedule::{
    Camera, CameraCourse, CameraMotion, CameraView, Choice, Easing, FilmTiming, FrameRate,
    ScheduleError, Timeline, TransitionTiming,
};
use proptest::prelude::*;

/// A film with holds, whose transitions last for these seconds, at ten frames a second.
fn film(seconds: &[f64], hold: f64, looped: bool) -> Timeline {
    let transitions = seconds
        .iter()
        .map(|&seconds| TransitionTiming::new(seconds, Easing::Linear));
    let keyframes = seconds.len() + usize::from(!looped);
    let rate = FrameRate::new(10.0).unwrap();
    let timing = FilmTiming::new(rate, vec![hold; keyframes], transitions.collect());
    Timeline::new(&timing).unwrap()
}

fn motion(zoom: CameraCourse<f64>, easing: Easing) -> CameraMotion {
    let mut motion = CameraMotion::default();
    (motion.zoom, motion.easing) = (zoom, easing);
    motion
}

fn whole<Value>(from: Value, to: Value) -> CameraCourse<Value> {
    CameraCourse::Whole { from, to }
}

fn views(timeline: &Timeline, motion: &CameraMotion) -> Vec<CameraView> {
    let camera = Camera::new(timeline, motion).unwrap();
    let frames = 0..camera.frame_count();
    frames.map(|frame| camera.frame(frame).view).collect()
}

fn zooms(timeline: &Timeline, motion: &CameraMotion) -> Vec<f64> {
    let views = views(timeline, motion).into_iter();
    views.map(|view| view.zoom).collect()
}

fn any_easing() -> impl Strategy<Value = Easing> {
    prop::sample::select(Easing::ALL)
}

#[test]
fn a_camera_that_is_not_asked_for_shows_the_whole_picture() {
    let timeline = film(&[1.0, 2.0], 0.3, false);
    for view in views(&timeline, &CameraMotion::default()) {
        assert_eq!(view, CameraView::WHOLE);
        assert!(view.is_whole());
    }
    let open = motion(CameraCourse::Keyframes(vec![None; 3]), Easing::Linear);
    assert_eq!(zooms(&timeline, &open), vec![1.0; timeline.frame_count()]);
}

#[test]
fn a_zoom_grows_by_the_same_factor_and_goes_on_through_holds() {
    let timeline = film(&[1.0, 2.0], 0.5, false);
    let zooms = zooms(&timeline, &motion(whole(1.0, 1.6), Easing::Linear));
    assert_eq!((zooms[0], zooms[zooms.len() - 1]), (1.0, 1.6));
    let factor = zooms[1] / zooms[0];
    for pair in zooms.windows(2) {
        assert!((pair[1] / pair[0] - factor).abs() < 1e-12);
    }
}

#[test]
fn the_camera_rests_at_keyframes_that_have_a_value_and_passes_the_others() {
    // Keyframes are shown in frames 0..=4, 14..=19, 29..=34.
    let timeline = film(&[1.0, 1.0], 0.5, false);
    let keyed = |values: [Option<f64>; 3]| {
        let course = CameraCourse::Keyframes(values.to_vec());
        zooms(&timeline, &motion(course, Easing::Linear))
    };
    let resting = keyed([Some(1.0), Some(4.0), Some(2.0)]);
    assert!(resting[..=4].iter().all(|&zoom| zoom == 1.0));
    assert!((resting[9] - 2.0).abs() < 1e-12);
    assert!(resting[14..=19].iter().all(|&zoom| zoom == 4.0));
    assert!(resting[29..].iter().all(|&zoom| zoom == 2.0));
    let passing = keyed([Some(1.0), None, Some(4.0)]);
    assert!((passing[4 + 25 / 2] - passing[4 + 25 / 2 - 1]) > 0.0);
    assert!(passing[14..=19].windows(2).all(|pair| pair[1] > pair[0]));
    let late = keyed([None, Some(3.0), None]);
    assert_eq!(late, vec![3.0; timeline.frame_count()]);
}

#[test]
fn one_point_stays_in_its_place_while_the_zoom_changes() {
    let section = |zoom: f64| {
        let pan = [0.5, -0.25];
        let view = CameraView {
            zoom,
            pan,
            rotation: 0.0,
        };
        view.section((200, 100))
    };
    // The point at the pan, in half widths and heights from the middle.
    for zoom in [1.0, 1.3, 2.0, 17.0] {
        let point = section(zoom).point([0.75, 0.375]);
        assert!((point[0] - 150.0).abs() < 1e-9 && (point[1] - 37.5).abs() < 1e-9);
    }
}

#[test]
fn an_endless_zoom_dissolves_into_the_beginning_of_the_next_round() {
    for (from, to) in [(1.0, 1.6), (3.0, 1.5)] {
        let timeline = film(&[1.0, 2.0, 1.0], 0.2, true);
        let camera = Camera::new(&timeline, &motion(whole(from, to), Easing::Linear)).unwrap();
        let count = camera.frame_count();
        assert!((camera.endless_factor().unwrap() - to / from).abs() < 1e-15);
        let last = timeline.transitions()[2].clone();
        let factor = camera.frame(1).view.zoom / camera.frame(0).view.zoom;
        for frame in 0..count {
            let shown = camera.frame(frame);
            assert_eq!(shown.next_round.is_some(), frame > last.departure());
            if let Some((next, share)) = shown.next_round {
                assert!(next.zoom >= 1.0);
                assert!((next.zoom * to / from / shown.view.zoom - 1.0).abs() < 1e-12);
                let expected = (frame - last.departure()) as f64 / last.intervals() as f64;
                assert_eq!(share, expected);
            }
        }
        // What would be film frame `count` is the first one: the view of the next round alone.
        let (next, share) = camera.frame(count).next_round.unwrap();
        assert_eq!(share, 1.0);
        assert!((next.zoom / camera.frame(0).view.zoom - 1.0).abs() < 1e-12);
        let (before, _) = camera.frame(count - 1).next_round.unwrap();
        assert!((camera.frame(0).view.zoom / before.zoom - factor).abs() < 1e-12);
        // The smaller zoom is the smallest that is shown, where the next round grows out of it.
        let smallest = (0..count)
            .flat_map(|frame| camera.frame(frame).views().collect::<Vec<_>>())
            .map(|(view, _)| view.zoom)
            .fold(f64::INFINITY, f64::min);
        let least = from.min(to);
        assert!(
            smallest >= least - 1e-12 && smallest < 1.05 * least,
            "{smallest}"
        );
    }
}

#[test]
fn refused_with_the_rule_it_broke() {
    let refused = |looped: bool, change: &dyn Fn(&mut CameraMotion)| {
        let mut motion = CameraMotion::default();
        change(&mut motion);
        let timeline = film(&[1.0, 1.0], 0.0, looped);
        Camera::new(&timeline, &motion).unwrap_err().to_string()
    };
    for bad in [0.99, 101.0, f64::NAN] {
        let found = refused(false, &|motion| motion.zoom = whole(1.0, bad));
        assert!(found.starts_with("a zoom must be 1 to 100"), "{found}");
    }
    let far = refused(false, &|motion| motion.pan = whole([0.0; 2], [0.0, 1.1]));
    assert!(far.contains("-1 to 1") && far.ends_with("got 1.1"), "{far}");
    let giddy = refused(false, &|motion| motion.rotation = whole(0.0, -3601.0));
    assert!(giddy.contains("-3600 to 3600"), "{giddy}");
    let fixed = refused(false, &|motion| motion.pan = whole([0.5, 0.0], [0.5, 0.0]));
    assert!(fixed.starts_with("a pan needs a zoom"), "{fixed}");
    let few = refused(false, &|motion| {
        motion.zoom = CameraCourse::Keyframes(vec![Some(2.0)]);
    });
    assert!(few.contains("3 keyframes"), "{few}");
    let open = refused(true, &|motion| {
        (motion.zoom, motion.pan) = (whole(2.0, 2.0), whole([0.0; 2], [1.0, 0.0]));
    });
    assert!(open.starts_with("a loop must end with the pan"), "{open}");
    let turned = refused(true, &|motion| motion.rotation = whole(10.0, 340.0));
    assert!(turned.contains("instead of 330"), "{turned}");
}

#[test]
fn what_all_film_frames_show_is_seen_in_each_of_them() {
    let timeline = film(&[1.0], 0.0, false);
    let size = (120, 80);
    let mut motion = motion(whole(2.0, 3.0), Easing::Smooth);
    motion.pan = whole([0.2, 0.0], [0.0, -0.3]);
    motion.rotation = whole(0.0, 10.0);
    let camera = Camera::new(&timeline, &motion).unwrap();
    let common = camera.common_section(size).unwrap();
    assert_eq!(camera.largest_zoom(), 3.0);
    for frame in 0..camera.frame_count() {
        let shown = camera.frame(frame).view.section(size);
        let seen = common.seen_in(&shown, size);
        for corner in [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] {
            let [x, y] = seen.point(corner);
            assert!((-1e-9..=120.0 + 1e-9).contains(&x) && (-1e-9..=80.0 + 1e-9).contains(&y));
            // The same point of the picture, through the film frame.
            let [x, y] = shown.point([x / 120.0, y / 80.0]);
            let [picture_x, picture_y] = common.point(corner);
            assert!((x - picture_x).abs() < 1e-9 && (y - picture_y).abs() < 1e-9);
        }
    }
    motion.pan = whole([-1.0, 0.0], [1.0, 0.0]);
    let camera = Camera::new(&timeline, &motion).unwrap();
    assert_eq!(camera.common_section(size), None);
}

#[test]
fn a_turned_view_must_lie_within_the_picture() {
    let timeline = film(&[1.0], 0.0, false);
    let mut turning = motion(whole(1.4, 1.4), Easing::Linear);
    turning.rotation = whole(0.0, 90.0);
    let camera = Camera::new(&timeline, &turning).unwrap();
    // A square needs the square root of 2 when it is turned by 45 degrees.
    let refused = camera.validate_for((64, 64)).unwrap_err();
    assert!(matches!(
        refused,
        ScheduleError::CameraPastEdge { film_frame: 4, needed, .. } if (needed - 1.409).abs() < 1e-9
    ));
    turning.zoom = whole(2.0_f64.sqrt(), 2.0_f64.sqrt());
    let camera = Camera::new(&timeline, &turning).unwrap();
    assert!(camera.validate_for((64, 64)).is_ok());
    assert!(camera.validate_for((128, 64)).is_err());
}

proptest! {
    #[test]
    fn the_way_back_passes_through_the_same_views(
        zoom in 1.1..50.0, other in 1.0..50.0, pan in -1.0..1.0, turn in -400.0..400.0,
        seconds in 0.2..9.0, hold in 0.0..1.0,
        easing in any_easing().prop_filter("the way back eases in the same way", |easing| easing.is_symmetric()),
    ) {
        let timeline = film(&[seconds, seconds], hold, false);
        let mut motion = motion(
            CameraCourse::Keyframes(vec![Some(zoom), Some(other), Some(zoom)]),
            easing,
        );
        motion.pan = CameraCourse::Keyframes(vec![Some([0.0, pan]), Some([pan, 1.0]), Some([0.0, pan])]);
        motion.rotation = CameraCourse::Keyframes(vec![Some(turn), Some(0.0), Some(turn)]);
        let views = views(&timeline, &motion);
        let [there, back] = [&timeline.transitions()[0], &timeline.transitions()[1]];
        prop_assume!(there.intervals() == back.intervals());
        for passed in 0..=there.intervals() {
            prop_assert_eq!(views[there.departure() + passed], views[back.arrival() - passed]);
        }
    }

    #[test]
    fn every_view_lies_within_the_picture(
        from in 1.001..20.0, to in 1.0..20.0, pans in prop::array::uniform4(-1.0..1.0_f64),
        turns in prop::array::uniform2(-720.0..720.0_f64), easing in any_easing(),
        (width, height) in (1_usize..500, 1_usize..500),
    ) {
        let timeline = film(&[1.0, 0.7], 0.1, false);
        let mut motion = motion(whole(from, to), easing);
        motion.pan = whole([pans[0], pans[1]], [pans[2], pans[3]]);
        motion.rotation = whole(turns[0], turns[1]);
        let camera = Camera::new(&timeline, &motion).unwrap();
        let within = |frame: usize| {
            let section = camera.frame(frame).view.section((width, height));
            [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].into_iter().all(|corner| {
                let [x, y] = section.point(corner);
                let (width, height) = (width as f64, height as f64);
                (-1e-6 * width..=(1.0 + 1e-6) * width).contains(&x)
                    && (-1e-6 * height..=(1.0 + 1e-6) * height).contains(&y)
            })
        };
        let all = (0..camera.frame_count()).all(within);
        prop_assert_eq!(all, camera.validate_for((width, height)).is_ok());
    }

    #[test]
    fn a_loop_of_keyframes_closes(values in prop::collection::vec(prop::option::of(1.0..9.0), 3), easing in any_easing()) {
        let timeline = film(&[0.8, 1.1, 0.6], 0.2, true);
        let motion = motion(CameraCourse::Keyframes(values), easing);
        let camera = Camera::new(&timeline, &motion).unwrap();
        let count = camera.frame_count();
        prop_assert_eq!(camera.frame(count), camera.frame(0));
        prop_assert_eq!(camera.frame(0).next_round, None);
    }
}
