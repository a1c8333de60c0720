import type { TaskControls } from '../../../src/client/react/index.js';

interface TaskViewProps extends Pick<TaskControls<[]>, 'run' | 'cancel' | 'reset'> {
  readonly status: string;
  readonly error: Error | undefined;
  readonly children?: string;
}

export function TaskView({ run, cancel, reset, status, error, children }: TaskViewProps) {
  return (
    <section>
      <button id="run" onClick={() => run()} />
      <button id="stop" onClick={cancel} />
      <button id="reset" onClick={reset} />
      <output id="status">{status}</output>
      <output id="shown">{children}</output>
      <output id="error">{error?.name}</output>
    </section>
  );
}
