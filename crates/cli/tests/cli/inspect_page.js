// Run in a page around a frame: writes what is wrong with the page in the frame.
const frame = document.querySelector('iframe');
const inspect = () => {
  const page = frame.contentDocument, view = frame.contentWindow, found = [];
  const all = name => [...page.querySelectorAll(name)];
  const words = node => (node.textContent || '').trim().slice(0, 30);

  // Nothing is scrolled sideways but regions of their own.
  const width = page.documentElement.scrollWidth;
  if (width > 360) found.push(`page is ${width} wide`);
  for (const region of all('.scroll')) {
    if (region.tabIndex !== 0 || !region.getAttribute('aria-label')) found.push(`region without a name: ${words(region)}`);
  }

  // Landmarks, headings and names.
  if (all('main').length !== 1) found.push('no main');
  if (all('h1').length !== 1) found.push(`${all('h1').length} h1`);
  let last = 0;
  for (const heading of all('h1,h2,h3,h4,h5,h6')) {
    const level = Number(heading.tagName[1]);
    if (level > last + 1) found.push(`h${level} after h${last}`);
    last = level;
  }
  for (const image of all('img')) if (!image.hasAttribute('alt')) found.push('img without alt');
  for (const image of all('svg')) {
    if (image.getAttribute('aria-hidden') !== 'true' && !image.getAttribute('aria-label')) found.push('svg without a name');
  }
  for (const table of all('table')) if (!table.caption) found.push('table without caption');
  for (const cell of all('th')) if (!cell.scope) found.push('th without scope');
  for (const link of all('a[href^="#"]')) {
    if (!page.getElementById(link.getAttribute('href').slice(1))) found.push(`link to nothing: ${words(link)}`);
  }
  const ids = all('[id]').map(node => node.id);
  if (new Set(ids).size !== ids.length) found.push('an id twice');

  // Text on its background.
  const parts = color => (color.match(/[\d.]+/g) || []).map(Number);
  const behind = node => {
    const layers = [];
    for (let one = node; one; one = one.parentElement) {
      const [r, g, b, a = 1] = parts(view.getComputedStyle(one).backgroundColor);
      layers.push([r, g, b, a]);
      if (a === 1) break;
    }
    return layers.reverse().reduce((under, [r, g, b, a]) => [r, g, b].map((x, i) => a * x + (1 - a) * under[i]), [255, 255, 255]);
  };
  const light = rgb => {
    const [r, g, b] = rgb.map(x => x / 255).map(x => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || node.closest('style,.skip,title')) continue;
    const style = view.getComputedStyle(node);
    const color = parts(node.closest('svg') && style.fill !== 'none' ? style.fill : style.color).slice(0, 3);
    const [one, other] = [light(color), light(behind(node))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(1)}: ${words(text)}`);
  }
  const scheme = view.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  found.push(`done in ${scheme}, width ${view.innerWidth}`);
  document.getElementById('found').textContent = [...new Set(found)].join('\n');
};
if (frame.contentDocument && frame.contentDocument.readyState === 'complete' && frame.contentDocument.body.childElementCount) inspect();
else frame.addEventListener('load', inspect);
