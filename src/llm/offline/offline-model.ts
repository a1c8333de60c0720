import { messageImages, messageText, type ChatRequest } from './openai-wire.js';
import { embedText, evaluateQuiz, gradeAnswer, parseJson, readTask, replyPlainly, writeQuiz, type Task } from './rules/index.js';

const BLIND =
  'I am the offline model of Hangup: a few rules, not a language model. I cannot see images. Set VISION_MODEL to have a real model look at them.';

/**
 * A model of rules, for when there is no key: the same question always gets the same answer, and nothing leaves the process.
 *
 * It knows the tasks `write_quiz`, `evaluate_quiz` and `grade_answer`, which come as a JSON document in the last user message and are
 * answered in JSON. Anything else gets a few honest sentences.
 */
export class OfflineModel {
  answer({ messages }: ChatRequest): string {
    const texts = messages.map(messageText);
    const last = messages.findLast(({ role }) => role === 'user');
    const content = last ? messageText(last) : '';
    const task = readTask(parseJson(content));
    if (task) return JSON.stringify(carryOut(task));
    return last && messageImages(last).length > 0 ? BLIND : replyPlainly(content, texts);
  }

  /** One unit vector of 256 numbers for each text. */
  embed(inputs: readonly string[]): number[][] {
    return inputs.map(embedText);
  }
}

function carryOut(task: Task): object {
  switch (task.task) {
    case 'write_quiz':
      return writeQuiz(task);
    case 'evaluate_quiz':
      return evaluateQuiz(task);
    case 'grade_answer':
      return gradeAnswer(task);
  }
}
