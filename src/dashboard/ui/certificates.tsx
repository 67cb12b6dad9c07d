/** Whose certificates are in use, and how long they last. */
import type { StatusView } from "../view.ts";
import { Card, Empty, ErrorNote, Loading } from "./parts.tsx";
import { clockOffsetMs, now, status, trouble } from "./state.ts";

const DAY_MS = 86_400_000;

/** From here on a certificate should be renewed. */
const SOON_DAYS = 30;

type Certificate = StatusView["certificates"][number];

/** Of all members that answer. */
export function Certificates() {
  const view = status.value;
  if (view === undefined) {
    return trouble.value === undefined
      ? <Loading what="certificates" />
      : <ErrorNote error={trouble.value} what="Trying again." />;
  }
  const sorted = [...view.certificates].sort((a, b) => a.notAfterMs - b.notAfterMs);
  return (
    <>
      <h1>Certificates</h1>
      {sorted.length === 0 ? <WithoutTls /> : (
        <div class="certificates">
          {sorted.map((one) => (
            <Tile key={`${one.member} ${one.use} ${one.file} ${one.subject}`} certificate={one} />
          ))}
        </div>
      )}
    </>
  );
}

function Tile({ certificate }: { certificate: Certificate }) {
  const { member, use, file, subject, issuer, names, notBeforeMs, notAfterMs } = certificate;
  const days = Math.floor((notAfterMs - now.value - clockOffsetMs.value) / DAY_MS);
  const level = days < 0 ? "bad" : days < SOON_DAYS ? "warn" : "good";
  return (
    <Card
      title={`${member}: ${use}`}
      aside={<span class={`pill ${level}`}>{timeLeft(days)}</span>}
    >
      <progress
        class={level}
        max={Math.max(1, notAfterMs - notBeforeMs)}
        value={Math.max(0, notAfterMs - now.value - clockOffsetMs.value)}
        aria-label="Time left"
      />
      <dl class="facts">
        <dt>Until</dt>
        <dd>{new Date(notAfterMs).toISOString().slice(0, 16).replace("T", " ")} UTC</dd>
        <dt>Subject</dt>
        <dd>{subject}</dd>
        {names.length > 0 && (
          <>
            <dt>For</dt>
            <dd>{names.join(", ")}</dd>
          </>
        )}
        <dt>Signed by</dt>
        <dd>{issuer === subject ? "itself" : issuer}</dd>
        <dt>File</dt>
        <dd>
          <code>{file}</code>
        </dd>
      </dl>
    </Card>
  );
}

function WithoutTls() {
  return (
    <Empty title="This cluster runs without TLS">
      <p>
        Whoever reaches its ports reads and writes everything. Make an authority and a pair for each
        member, then start them with the flags that are printed:
      </p>
      <div class="curl">
        <code tabIndex={0}>etcd certs init --hosts node1.example.org,10.0.0.1</code>
      </div>
    </Empty>
  );
}

function timeLeft(days: number): string {
  if (days < 0) return "expired";
  if (days === 0) return "expires today";
  if (days >= 730) return `${Math.floor(days / 365)} years left`;
  return days === 1 ? "1 day left" : `${days} days left`;
}
