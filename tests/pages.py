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

BROKEN_HEADS = """() => [...document.querySelectorAll('thead th')].flatMap(head => {
    const walker = document.createTreeWalker(head, NodeFilter.SHOW_TEXT), broken = [];
    while (walker.nextNode())
        for (const word of walker.currentNode.data.matchAll(/[^\\s_-]+/g)) {
            const range = document.createRange();
            range.setStart(walker.currentNode, word.index);
            range.setEnd(walker.currentNode, word.index + word[0].length);
            const tops = new Set([...range.getClientRects()].map(r => Math.round(r.top)));
            if (tops.size > 1) broken.push(head.textContent);
        }
    return broken;
})"""
"""Script: the heads of tables in which a word is broken into two lines."""

DOT_COLOURS = """rows => {
    const view = document.getElementById('view'), { width, height } = view;
    const { data } = view.getContext('2d').getImageData(0, 0, width, height);
    return rows.map(i => {
        const [x, y] = movieMap.where(i).map(Math.round), at = 4 * (y * width + x);
        return `rgb(${[...data.slice(at, at + 3)].join(', ')})`;
    });
}"""
"""Script: the colour of the map of items at the place of each of some items, by row."""
