(() => {
  // The page is wider than the screen, or a table breaks a plain word in two.
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push("scrolls sideways");
  for (const cell of document.querySelectorAll(".table th, .table td")) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      for (const word of texts.currentNode.data.matchAll(/(?<![^\s(])[A-Za-z]{2,13}(?=[\s,;)]|$)/g)) {
        const range = document.createRange();
        range.setStart(texts.currentNode, word.index);
        range.setEnd(texts.currentNode, word.index + word[0].length);
        if (new Set(Array.from(range.getClientRects(), (box) => Math.round(box.top))).size > 1) {
          faults.push(`breaks the word ${word[0]}`);
        }
      }
    }
  }
  return [...new Set(faults)];
})()
