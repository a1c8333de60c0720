import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ENTRY = fileURLToPath(new URL('page/main.tsx', import.meta.url));
const PAGE = '<!doctype html><meta charset="utf-8"><title>Page</title><div id="root"></div><script type="module" src="/main.js"></script>';

/** The page of an app, built anew and served from an origin of its own. */
export class PageServer {
  private constructor(private readonly server: Server) {}

  static async start(): Promise<PageServer> {
    const script = await bundle();
    const server = createServer(({ url }, response) => {
      const isScript = url === '/main.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(isScript ? script : url?.startsWith('/?') ? PAGE : '<!doctype html><title>Elsewhere</title>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PageServer(server);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** With React as in development, where StrictMode mounts everything twice. */
async function bundle(): Promise<string> {
  const define = { 'process.env.NODE_ENV': '"development"' };
  const tsconfigRaw = { compilerOptions: { jsx: 'react-jsx' } } as const;
  const { outputFiles } = await build({ entryPoints: [ENTRY], bundle: true, write: false, format: 'esm', tsconfigRaw, define });
  return outputFiles[0]!.text;
}
