import { DemoApp } from './demo-app.js';
import { introduce, tell } from './story.js';

async function run(): Promise<void> {
  introduce();
  await using app = await DemoApp.start();
  await tell(app);
}

run().catch((error: unknown) => {
  process.stderr.write(`demo: ${error instanceof Error ? String(error.stack) : String(error)}\n`);
  process.exitCode = 1;
});
