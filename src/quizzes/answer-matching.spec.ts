import { describe, expect, it } from '@jest/globals';
import { isSameAnswer } from './answer-matching.js';

describe('an answer', () => {
  it.each([
    ['as expected', 'teacher', 'teacher'],
    ['in another case', 'TeaCher', 'teacher'],
    ['with space around it', '  teacher\n', 'teacher'],
    ['with other space inside', 'good \t morning', 'good morning'],
    ['with an ideographic space', '你好　吗', '你好 吗'],
    ['without space between characters', '我 是 学生', '我是学生'],
    ['in full width', 'ＡＢＣ１２３', 'abc123'],
    ['with a full stop', 'I am a student.', 'I am a student'],
    ['with other punctuation', 'Yes! I am: a student…', 'yes I am a student'],
    ['with Chinese punctuation', '我是学生。', '我是学生'],
    ['with other Chinese punctuation', '「你好，」他说！', '你好他说'],
    ['with curly quotes', 'I’m “here”', `I'm "here"`],
    ['with an accent written apart', 'nǐ hǎo'.normalize('NFD'), 'nǐ hǎo'],
    ['with a ligature', 'ﬁne', 'fine'],
    ['with a time in full width', '８：３０', '8:30'],
    ['with a time and space', '8 : 30', '8:30'],
    ['with digits apart', '10 000', '10000'],
    ['of punctuation alone', ' ？ ', '?'],
    ['of nothing', '', ''],
  ])('is the same %s: %j', (_, given, expected) => {
    expect(isSameAnswer(given, expected)).toBe(true);
    expect(isSameAnswer(expected, given)).toBe(true);
  });

  it.each([
    ['of another word', 'teacher', 'student'],
    ['of more words', 'a good teacher', 'teacher'],
    ['in another tone', 'mā', 'má'],
    ['without its tone', 'ma', 'mā'],
    ['of another character', '他', '她'],
    ['in traditional characters', '學生', '学生'],
    ['of another number', '3.5', '35'],
    ['of another time', '8:30', '83:0'],
    ['of another date', '1/12', '11/2'],
    ['of nothing', '', 'teacher'],
    ['of punctuation alone', '?', 'teacher'],
    ['of other punctuation', '?', '!'],
  ])('is another one %s: %j', (_, given, expected) => {
    expect(isSameAnswer(given, expected)).toBe(false);
    expect(isSameAnswer(expected, given)).toBe(false);
  });
});
