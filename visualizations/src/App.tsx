import { Suspense, useEffect, useState } from 'react';
import { type Connection, useShown } from './feed.ts';
import { linkTo, type Route, useRoute, VIEWS } from './route.ts';
import { ChartView } from './views/ChartView.tsx';
import { SequenceView } from './views/SequenceView.tsx';
import { StackView } from './views/StackView.tsx';

const CONNECTION_TEXT: Readonly<Record<Connection, string>> = {
  connecting: 'connecting',
  live: 'live',
  lost: 'connection lost, trying again',
};

export function App() {
  const route = useRoute();
  const { board, connection, version } = useShown();
  const title = VIEWS.find(({ id }) => id === route.view)?.title ?? '';
  useEffect(() => {
    document.title = `${title} · glassgate`;
  }, [title]);
  return (
    <>
      <header className="bar">
        <button type="button" className="skip" onClick={skipToMain}>
          Skip to the view
        </button>
        <strong className="brand">
          <img src="./icon.svg" alt="" width="22" height="22" /> glassgate <span className="faint">{version}</span>
        </strong>
        <nav aria-label="Views">
          {VIEWS.map(({ id, title: name }) => (
            <a key={id} href={linkTo({ view: id })} aria-current={route.view === id ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <span className={`connection ${connection}`} role="status">
          {CONNECTION_TEXT[connection]}
        </span>
        <ThemeButton />
      </header>
      {board.lost > 0 && (
        <p className="notice" role="status">
          {board.lost.toLocaleString('en')} records came too fast to be shown. The states are right; lines in the
          diagrams may be missing.
        </p>
      )}
      <main id="main" tabIndex={-1}>
        <Suspense fallback={<p className="empty">Loading the machines …</p>}>
          <View route={route} />
        </Suspense>
      </main>
    </>
  );
}

function View({ route }: { route: Route }) {
  if (route.view === 'chart') return <ChartView route={route} />;
  return route.view === 'handshake' ? <SequenceView /> : <StackView />;
}

/** Not a link: the address's hash belongs to the views. */
function skipToMain(): void {
  document.getElementById('main')?.focus();
}

const THEMES = ['auto', 'dark', 'light'] as const;
type Theme = (typeof THEMES)[number];
const THEME_KEY = 'glassgate-theme';

function ThemeButton() {
  const [theme, setTheme] = useState<Theme>(
    () => THEMES.find((each) => each === localStorage.getItem(THEME_KEY)) ?? 'auto',
  );
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(THEME_KEY, theme);
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return (
    <button
      type="button"
      className="theme"
      onClick={() => setTheme(next)}
      aria-label={`Colours: ${theme}. Change to ${next}`}
    >
      {theme === 'auto' ? '◐ auto' : theme === 'dark' ? '● dark' : '○ light'}
    </button>
  );
}
