//! The parts of the screen cover it, and none goes beyond it.

use ratatui::layout::Rect;

use super::{Layout, Needs};

fn parts(layout: &Layout) -> [Rect; 9] {
    let Layout { list, border, title, banner, history, rule, input, notice, status, .. } = *layout;
    [list, border, title, banner, history, rule, input, notice, status]
}

#[test]
fn every_cell_belongs_to_one_part() {
    for (width, height) in (1..140).step_by(7).flat_map(|w| (1..60).map(move |h| (w, h))) {
        for (list, banner) in [(false, false), (true, false), (false, true)] {
            for (input, notice) in [(1, 0), (3, 1), (1000, 2)] {
                let needs = Needs { list, input, banner, notice };
                let layout = Layout::of((width, height), needs);
                let mut cells = vec![0; usize::from(width) * usize::from(height)];
                for part in parts(&layout) {
                    for place in part.positions() {
                        let cell = usize::from(place.y) * usize::from(width) + usize::from(place.x);
                        cells[cell] += 1;
                    }
                }
                assert!(cells.iter().all(|times| *times == 1), "{width}x{height} {needs:?}");
            }
        }
    }
}

#[test]
fn what_is_written_takes_a_third() {
    let needs = Needs { list: false, input: 50, banner: false, notice: 0 };
    let layout = Layout::of((80, 24), needs);
    assert_eq!(layout.input.height, 7);
    assert_eq!(layout.history.height, 14);
    assert_eq!(layout.list.width, 24);
    let small = Layout::of((40, 5), Needs { input: 1, ..needs });
    assert_eq!((small.history.height, small.input.height), (2, 1));
    assert_eq!(small.list.width, 0);
}
