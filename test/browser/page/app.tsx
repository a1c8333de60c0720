import { useEffect, useState } from 'react';
import { ChatPage } from './chat-page.js';
import { QuizPage } from './quiz-page.js';
import { WaitingPage } from './waiting-page.js';

const STORM_MS = 4;

/** A small app that renders itself anew all the time. */
export function App() {
  const [route, go] = useState<'quiz' | 'chat' | 'eager' | 'patient' | 'elsewhere'>('elsewhere');
  const [, storm] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => storm((renders) => renders + 1), STORM_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    drive.renders += 1;
  });
  return (
    <main>
      <button id="go-quiz" onClick={() => go('quiz')} />
      <button id="go-chat" onClick={() => go('chat')} />
      <button id="go-eager" onClick={() => go('eager')} />
      <button id="go-patient" onClick={() => go('patient')} />
      <button id="go-elsewhere" onClick={() => go('elsewhere')} />
      {route === 'quiz' && <QuizPage />}
      {route === 'chat' && <ChatPage />}
      {(route === 'eager' || route === 'patient') && <WaitingPage isEager={route === 'eager'} />}
    </main>
  );
}
