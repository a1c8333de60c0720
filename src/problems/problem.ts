/** The media type of RFC 9457. */
export const PROBLEM_JSON = 'application/problem+json';

/** An RFC 9457 problem. `code` is stable, for programs; `detail` is for people. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** What is wrong with which part of the request: JSON pointers such as `/body/question_count`. */
  readonly errors?: readonly FieldError[];
}

export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}
