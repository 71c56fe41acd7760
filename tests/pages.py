"""What tests of pages in a browser ask of them."""

OVERLAPS = """() => {
    let n = 0;
    for (const chart of document.querySelectorAll('svg.chart')) {
        const boxes = [...chart.querySelectorAll('text')].map(t => t.getBoundingClientRect());
        const frame = chart.getBoundingClientRect();
        boxes.forEach((a, i) => {
            if (a.left < frame.left - 1 || a.right > frame.right + 1) n++;
            boxes.slice(0, i).forEach(b => {
                if (a.left < b.right - 1 && b.left < a.right - 1 &&
                    a.top < b.bottom - 2 && b.top < a.bottom - 2) n++;
            });
        });
    }
    return n;
}"""
"""Script: how many texts of charts are cut off or meet another one."""
