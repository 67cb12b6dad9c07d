/** Users, roles and what they may do: for root, and for everybody while authentication is off. */
import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { MayView, UsersView } from "../view.ts";
import { ApiError, get, post } from "./api.ts";
import { Card, Empty, ErrorNote, Loading } from "./parts.tsx";
import { refreshSession, session } from "./session.tsx";
import { announce, isReadonly } from "./state.ts";

const users = signal<UsersView | undefined>(undefined);
const trouble = signal<ApiError | undefined>(undefined);

async function refresh(): Promise<void> {
  try {
    users.value = await get<UsersView>("users");
    trouble.value = undefined;
  } catch (error) {
    trouble.value = error as ApiError;
  }
}

type Fields = readonly (readonly [string, string])[];

/** Has a change made, and shows what is there then. */
async function change(action: string, fields: Fields, said: string): Promise<void> {
  await post("users", [["action", action], ...fields]);
  announce(said);
  await Promise.all([refresh(), refreshSession()]);
}

/** The section. */
export function Users() {
  useEffect(() => void refresh(), []);
  const view = session.value;
  if (view === undefined) return <Loading what="users" />;
  if (!view.isRoot) {
    return (
      <Empty title="Users are for root">
        <p>Log in as a user with the role "root" to see and to change them.</p>
      </Empty>
    );
  }
  if (trouble.value !== undefined) return <ErrorNote error={trouble.value} />;
  if (users.value === undefined) return <Loading what="users" />;
  return (
    <>
      <h1>Users</h1>
      <Switch isOn={view.isOn} />
      <May />
      <UserList view={users.value} />
      <RoleList view={users.value} />
    </>
  );
}

/** A form whose fields have the names that the node takes; each submit is one change. */
function ChangeForm(
  { action, said, label, fixed = [], children }: {
    action: string;
    said: string;
    label: string;
    fixed?: Fields;
    children?: ComponentChildren;
  },
) {
  const error = useSignal<ApiError | undefined>(undefined);
  if (isReadonly.value) return null;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    error.value = undefined;
    try {
      const typed = [...new FormData(form)].map(([name, value]) => [name, String(value)] as const);
      await change(action, [...fixed, ...typed], said);
      form.reset();
    } catch (problem) {
      error.value = problem as ApiError;
    }
  };
  return (
    <form class="form inline" onSubmit={submit}>
      {children}
      <button type="submit" class="button">{label}</button>
      {error.value !== undefined && <ErrorNote error={error.value} />}
    </form>
  );
}

function Input({ name, label }: { name: string; label: string }) {
  return (
    <label class="field">
      <span>{label}</span>
      <input name={name} required autocomplete="off" spellcheck={false} />
    </label>
  );
}

function Password({ label }: { label: string }) {
  return (
    <label class="field">
      <span>{label}</span>
      <input name="password" type="password" required autocomplete="new-password" />
    </label>
  );
}

function Switch({ isOn }: { isOn: boolean }) {
  return (
    <Card
      title="Authentication"
      aside={<span class={`pill ${isOn ? "good" : "warn"}`}>{isOn ? "on" : "off"}</span>}
    >
      <p>
        {isOn
          ? "Every API asks who somebody is."
          : 'Everybody may do everything. To switch it on, make a user "root" with the role "root".'}
      </p>
      {isOn
        ? <ChangeForm action="disable" label="Switch off" said="Authentication is off" />
        : <ChangeForm action="enable" label="Switch on" said="Authentication is on" />}
    </Card>
  );
}

function May() {
  const answer = useSignal<MayView | undefined>(undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const ask = async (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const query = new URLSearchParams([...fields].map(([name, value]) => [name, String(value)]));
    error.value = undefined;
    try {
      answer.value = await get<MayView>(`may?${query}`);
    } catch (problem) {
      error.value = problem as ApiError;
    }
  };
  return (
    <Card title="Who may do what">
      <form class="form inline" onSubmit={ask}>
        <label class="field">
          <span>User (none: a guest)</span>
          <input name="user" autocomplete="off" spellcheck={false} />
        </label>
        <Input name="key" label="Key" />
        <button type="submit" class="button primary">Ask</button>
      </form>
      {error.value !== undefined && <ErrorNote error={error.value} />}
      <div role="status">
        {answer.value?.sentences.map((sentence) => <p key={sentence}>{sentence}</p>)}
      </div>
    </Card>
  );
}

function UserList({ view }: { view: UsersView }) {
  return (
    <>
      {view.users.map(({ name, roles, hasPassword }) => (
        <Card
          key={name}
          title={`User ${name}`}
          aside={hasPassword ? null : <span class="pill">no password</span>}
        >
          <ul class="grants">
            {roles.map((role) => (
              <li key={role}>
                <code>{role}</code>
                <ChangeForm
                  action="revokeRole"
                  fixed={[["user", name], ["role", role]]}
                  label={`Take ${role} away`}
                  said={`${name} no longer has the role ${role}`}
                />
              </li>
            ))}
          </ul>
          <ChangeForm action="grantRole" fixed={[["user", name]]} label="Give" said="Role given">
            <Input name="role" label="Role" />
          </ChangeForm>
          <ChangeForm
            action="setPassword"
            fixed={[["user", name]]}
            label="Set"
            said={`${name} has another password`}
          >
            <Password label="New password" />
          </ChangeForm>
          <ChangeForm
            action="deleteUser"
            fixed={[["user", name]]}
            label={`Delete ${name}`}
            said={`Deleted the user ${name}`}
          />
        </Card>
      ))}
      <Card title="New user">
        <ChangeForm action="addUser" label="Make" said="Made the user">
          <Input name="user" label="Name" />
          <Password label="Password" />
        </ChangeForm>
      </Card>
    </>
  );
}

const WORDS = { read: "read", write: "write", readWrite: "read and write" } as const;

function RoleList({ view }: { view: UsersView }) {
  return (
    <>
      {view.roles.map(({ name, permissions }) => (
        <Card key={name} title={`Role ${name}`}>
          <ul class="grants">
            {permissions.map(({ type, keys, id }) => (
              <li key={id}>
                {WORDS[type]} <code>{keys}</code>
                <ChangeForm
                  action="revoke"
                  fixed={[["role", name], ["id", id]]}
                  label={`Take ${keys} away`}
                  said={`${name} may no longer have ${keys}`}
                />
              </li>
            ))}
          </ul>
          <ChangeForm action="grant" fixed={[["role", name]]} label="Allow" said="Allowed">
            <label class="field">
              <span>To</span>
              <select name="type">
                {Object.entries(WORDS).map(([type, words]) => (
                  <option key={type} value={type}>{words}</option>
                ))}
              </select>
            </label>
            <Input name="keys" label="Key, or a prefix with a star at its end" />
          </ChangeForm>
          <ChangeForm
            action="deleteRole"
            fixed={[["role", name]]}
            label={`Delete ${name}`}
            said={`Deleted the role ${name}`}
          />
        </Card>
      ))}
      <Card title="New role">
        <ChangeForm action="addRole" label="Make" said="Made the role">
          <Input name="role" label="Name" />
        </ChangeForm>
      </Card>
    </>
  );
}
