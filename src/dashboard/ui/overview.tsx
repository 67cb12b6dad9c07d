/** The state of the cluster at a glance: its margin, its members, its last minutes. */
import type { MemberView, StatusView } from "../view.ts";
import { bytes, count, duration, milliseconds, rate } from "./format.ts";
import { Card, Curl, ErrorNote, Loading } from "./parts.tsx";
import { Plot } from "./plot.tsx";
import { samples, status, trouble } from "./state.ts";

/** Shows what the last poll brought. */
export function Overview() {
  const view = status.value;
  if (view === undefined) {
    return trouble.value === undefined
      ? <Loading what="the cluster" />
      : <ErrorNote error={trouble.value} what="Trying again." />;
  }
  return (
    <>
      <h1 class="offscreen">Overview</h1>
      <MarginBanner view={view} />
      <Totals view={view} />
      <Members view={view} />
      <Plots node={view.node} />
    </>
  );
}

const LEVELS = { spare: "good", none: "warn", lost: "bad" } as const;

function MarginBanner({ view: { margin, members } }: { view: StatusView }) {
  return (
    <section class={`margin ${LEVELS[margin.level]}`} aria-label="Margin">
      <div class="seats" aria-hidden="true">
        {members.filter(({ voter }) => voter).map(({ name, alive, role }) => (
          <span key={name} class={`seat ${alive ? "up" : "down"} ${role}`} />
        ))}
      </div>
      <div>
        <p class="margin-headline">{margin.headline}</p>
        <p class="margin-detail">{margin.detail}.</p>
      </div>
    </section>
  );
}

function Totals({ view: { totals } }: { view: StatusView }) {
  const rows: readonly (readonly [string, string, string])[] = [
    ["Keys", count(totals.keys), `${count(totals.expiring)} expiring`],
    ["Directories", count(totals.directories), ""],
    ["Waiting watches", count(totals.watchers), "on this node"],
    ["Index", count(totals.appliedIndex), `term ${count(totals.term)}`],
  ];
  return (
    <dl class="totals">
      {rows.map(([title, value, note]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>{value} {note !== "" && <small>{note}</small>}</dd>
        </div>
      ))}
    </dl>
  );
}

function Members({ view }: { view: StatusView }) {
  return (
    <Card title="Members">
      <div class="table-scroll" tabIndex={-1}>
        <table class="members">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Role</th>
              <th scope="col" class="number">Lag</th>
              <th scope="col" class="number">Latency</th>
              <th scope="col" class="number">Memory</th>
              <th scope="col" class="number">Uptime</th>
              <th scope="col">Version</th>
              <th scope="col">Clients at</th>
            </tr>
          </thead>
          <tbody>{view.members.map((member) => <Row key={member.name} member={member} />)}</tbody>
        </table>
      </div>
      <Curl request={{ path: "/v1/keys/_etcd/machines" }} label="The members by curl" />
    </Card>
  );
}

function Row({ member }: { member: MemberView }) {
  const { name, self, alive, clientUrl, version, uptimeSeconds, rssBytes, problem } = member;
  return (
    <tr class={alive ? "" : "down"}>
      <th scope="row">
        <span class={`dot ${alive ? "good" : "bad"}`} aria-hidden="true" />
        {name}
        {self && <span class="muted self">this node</span>}
        {problem !== null && <span class="problem" title={problem}>{problem}</span>}
      </th>
      <td data-label="Role">
        <Role member={member} />
      </td>
      <td data-label="Lag" class="number">{lagOf(member)}</td>
      <td data-label="Latency" class="number">{latencyOf(member)}</td>
      <td data-label="Memory" class="number">{rssBytes === null ? "–" : bytes(rssBytes)}</td>
      <td data-label="Uptime" class="number">
        {uptimeSeconds === null ? "–" : duration(uptimeSeconds)}
      </td>
      <td data-label="Version">{version ?? "–"}</td>
      <td data-label="Clients at">
        {/^https?:\/\//.test(clientUrl)
          ? <a href={`${clientUrl}/dashboard/`} rel="noreferrer">{clientUrl}</a>
          : clientUrl}
      </td>
    </tr>
  );
}

function Role({ member: { role, alive, snapshotting } }: { member: MemberView }) {
  const text = role === "unknown" ? (alive ? "no answer" : "down") : ROLES[role];
  return (
    <>
      <span class={`pill ${role === "leader" ? "accent" : alive ? "" : "bad"}`}>{text}</span>
      {snapshotting && <span class="pill warn">receives a snapshot</span>}
    </>
  );
}

const ROLES = {
  leader: "leader",
  follower: "follower",
  learner: "learner, no vote",
  candidate: "candidate",
  preCandidate: "candidate",
} as const;

function lagOf({ lag, role }: MemberView): string {
  if (lag === null) return "–";
  if (role === "leader") return "–";
  return lag === 0 ? "none" : `${count(lag)} ${lag === 1 ? "entry" : "entries"}`;
}

function latencyOf({ latencyMs }: MemberView): string {
  return latencyMs === null ? "–" : inMs(latencyMs);
}

function inMs(value: number): string {
  return `${milliseconds(value)} ms`;
}

function Plots({ node }: { node: string }) {
  const { times, writes, reads, sync, memory } = samples.value;
  const columns = { times };
  return (
    <div class="plots">
      <Plot title="Writes a second" note="cluster" {...columns} values={writes} show={rate} />
      <Plot title="Reads a second" note={node} {...columns} values={reads} show={rate} />
      <Plot title="Sync p99" note={node} {...columns} values={sync} show={inMs} />
      <Plot title="Memory" note={node} {...columns} values={memory} show={bytes} />
    </div>
  );
}
