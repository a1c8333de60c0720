/** What a person sees at start: where it is, what it runs on, and a command to paste. */
export function welcome(url: string, on: { database: string; model: string }, token: string | undefined): string {
  const lines = ['', `  Hangup is up at ${url}  (API at ${url}/docs)`, `  database  ${on.database}`, `  model     ${on.model}`];
  lines.push(`  console   ${consoleLink(url, token)}`);
  return [...lines, '', ...tryIt(url, token), '', ''].join('\n');
}

/** With the token in the fragment, which browsers keep to themselves: no server and no log ever sees it. */
function consoleLink(url: string, token: string | undefined): string {
  return token === undefined ? `${url}/console` : `${url}/console#token=${token}`;
}

function tryIt(url: string, token: string | undefined): string[] {
  const bearer = token ?? '$TOKEN';
  const body = `{"book_id":1,"chapter_id":101,"exercise_type":"vocabulary","question_count":3}`;
  return [
    token ? '  Try it (this token is for development and ends with this process):' : '  Try it (with a token of yours in $TOKEN):',
    '',
    `curl -s ${url}/api/quizzes/generate -H "Authorization: Bearer ${bearer}" -H "Content-Type: application/json" -d '${body}'`,
    '',
    '  And hang up on it: add  --max-time 2  and watch the log.',
  ];
}
