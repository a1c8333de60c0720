/** Where the page finds packages by their names. Relative, so that it holds behind a proxy with a path of its own too. */
export const importMap = JSON.stringify({
  imports: {
    'lit-html': './console/vendor/lit-html/lit-html.js',
    'lit-html/': './console/vendor/lit-html/',
    uplot: './console/vendor/uplot/dist/uPlot.esm.js',
  },
});

/** Nothing comes from elsewhere, nothing goes elsewhere, and no text becomes a script: the import map alone stands in the page, by its hash. */
export function contentSecurityPolicy(importMapHash: string): string {
  return [
    `default-src 'none'`,
    `script-src 'self' 'sha256-${importMapHash}'`,
    `style-src 'self'`,
    `connect-src 'self'`,
    `img-src data:`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
    `require-trusted-types-for 'script'`,
    `trusted-types lit-html`,
  ].join('; ');
}

const ICON = `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 8h6M11 4v8' stroke='%23d9480f' stroke-width='2.5' stroke-linecap='round'/%3E%3C/svg%3E`;

/** The page, with all of its scripts named at once, so that they come together and not one after the other. */
export function drawPage(scripts: readonly string[]): string {
  const preloads = scripts.map((name) => `<link rel="modulepreload" href="console/${name}">`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Hangup</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="console/vendor/uplot/dist/uPlot.min.css">
<link rel="stylesheet" href="console/app/console/page/console.css">
<script type="importmap">${importMap}</script>
${preloads.join('\n')}
<script type="module" src="console/app/console/page/main.js"></script>
</head>
<body>
<noscript><p class="noscript">The console is a program in this page, and needs JavaScript.</p></noscript>
</body>
</html>
`;
}
