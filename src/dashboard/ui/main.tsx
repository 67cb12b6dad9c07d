/** The page: its frame, its sections, and what keeps it up to date. */
import { render } from "preact";
import { Certificates } from "./certificates.tsx";
import { Events } from "./events.tsx";
import { Flat } from "./flat.tsx";
import { Keys } from "./keys.tsx";
import { Overview } from "./overview.tsx";
import { ErrorNote, Icon, Logo } from "./parts.tsx";
import { Login, refreshSession, Who } from "./session.tsx";
import { follow, hashOf, isReadonly, notice, route, status, trouble } from "./state.ts";
import type { Section } from "./state.ts";
import { Users } from "./users.tsx";
import { nextTheme, shownTheme, theme } from "./theme.ts";

const SECTIONS: readonly (readonly [Section, string])[] = [
  ["overview", "Overview"],
  ["keys", "Keys"],
  ["events", "Events"],
  ["users", "Users"],
  ["certificates", "Certificates"],
];

function App() {
  const { section, path } = route.value;
  return (
    <>
      <a class="skip" href="#main" onClick={skipToMain}>Skip to the content</a>
      <Header />
      <main id="main" tabIndex={-1}>
        {trouble.value !== undefined && status.value !== undefined && (
          <ErrorNote error={trouble.value} what="What you see is old; trying again." />
        )}
        <Login />
        {section === "overview" && <Overview />}
        {section === "keys" && <Keys path={path} />}
        {section === "flat" && <Flat hex={path.slice(1)} />}
        {section === "events" && <Events key={path} path={path} />}
        {section === "users" && <Users />}
        {section === "certificates" && <Certificates />}
      </main>
      <p class="toast" role="status">{notice.value !== "" && <span>{notice.value}</span>}</p>
    </>
  );
}

function Header() {
  const view = status.value;
  return (
    <header class="top">
      <a class="brand" href="#/" aria-label="etcd, overview">
        <Logo />
        <span class="brand-name">etcd</span>
      </a>
      {view !== undefined && (
        <span class="node">
          <span class={`dot ${trouble.value === undefined ? "good" : "bad"}`} aria-hidden="true" />
          <span class="node-name">{view.node}</span>
          {isReadonly.value && <span class="pill">read-only</span>}
        </span>
      )}
      <nav aria-label="Sections">
        {SECTIONS.map(([section, title]) => (
          <a
            key={section}
            href={hashOf(section)}
            aria-current={sectionOfNav() === section ? "page" : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      <Who />
      <button
        type="button"
        class="icon-button"
        onClick={nextTheme}
        aria-label={`Colours: ${theme.value}. Change`}
        title={`Colours: ${theme.value}`}
      >
        <Icon name={shownTheme.value === "dark" ? "moon" : "sun"} />
      </button>
    </header>
  );
}

/** Keys are shown in two ways, under one link. */
function sectionOfNav(): Section {
  const { section } = route.value;
  return section === "flat" ? "keys" : section;
}

/** The hash is the route, so the link must not change it. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

follow();
void refreshSession();
render(<App />, document.body);
