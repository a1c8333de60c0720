import { messageImages, messageText, type ChatRequest } from './openai-wire.js';
import {
  analyseResource,
  catalogueBook,
  classifyDocument,
  embedText,
  evaluateQuiz,
  gradeAnswer,
  parseJson,
  readTask,
  replyPlainly,
  summariseAnalysis,
  writeQuiz,
  type Task,
} from './rules/index.js';

const BLIND =
  'I am the offline model of Hangup: a few rules, not a language model. I cannot see images. Set VISION_MODEL to have a real model look at them.';

/**
 * A model of rules, for when there is no key: the same question always gets the same answer, and nothing leaves the process.
 *
 * It knows the tasks `write_quiz`, `evaluate_quiz`, `grade_answer`, `classify_document`, `catalogue_book`, `analyse_resource` and
 * `summarise_analysis`, which come as a JSON document in the last user message and are answered in JSON. Anything else gets a few
 * honest sentences, and so does an image, which it cannot see.
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
    case 'classify_document':
      return classifyDocument(task);
    case 'catalogue_book':
      return catalogueBook(task);
    case 'analyse_resource':
      return analyseResource(task);
    case 'summarise_analysis':
      return summariseAnalysis(task);
  }
}
