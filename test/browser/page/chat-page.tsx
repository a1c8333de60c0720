import { useTask } from '../../../src/client/react/index.js';
import { hangup, hear } from './hangup.js';
import { TaskView } from './task-view.js';

export function ChatPage() {
  const reply = useTask(
    (signal) => {
      const { isDeaf, ...asked } = drive.asked;
      return hangup.chat.send(crypto.randomUUID(), { content: 'What does 谢谢 mean?' }, { ...asked, ...(!isDeaf && { signal }) });
    },
    (text, event) => {
      if (event.type !== 'text-delta') return text;
      hear(event.data.text);
      return text + event.data.text;
    },
    '',
  );
  return <TaskView {...reply}>{reply.data}</TaskView>;
}
