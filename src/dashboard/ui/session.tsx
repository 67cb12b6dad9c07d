/** Who sits before the page: the way in and out, where authentication is on. */
import { signal, useSignal } from "@preact/signals";
import type { SessionView } from "../view.ts";
import { ApiError, get, post, remove } from "./api.ts";
import { ErrorNote, Icon } from "./parts.tsx";
import { announce } from "./state.ts";

/** Undefined until the node has said it. */
export const session = signal<SessionView | undefined>(undefined);

/** Whether the form of the login is open. */
const isAsking = signal(false);

/** Asks the node who sits here; what it does not say stays as it was. */
export async function refreshSession(): Promise<void> {
  try {
    session.value = await get<SessionView>("session");
  } catch {
    // The next poll of the status tells what is wrong.
  }
}

/** In the header: the user's name, or the way to become somebody. */
export function Who() {
  const view = session.value;
  if (view === undefined || !view.isOn) return null;
  if (view.user === "") {
    return (
      <button type="button" class="button" onClick={() => isAsking.value = !isAsking.value}>
        <Icon name="lock" />Log in
      </button>
    );
  }
  const leave = async () => {
    await remove("session");
    announce("Logged out");
    // What was shown is no longer for whoever sits here.
    location.reload();
  };
  return (
    <button type="button" class="button" onClick={leave} title={`Logged in as ${view.user}`}>
      Log out {view.user}
    </button>
  );
}

/** The form of the login, while it is wanted. */
export function Login() {
  const user = useSignal("");
  const password = useSignal("");
  const error = useSignal<ApiError | undefined>(undefined);
  if (!isAsking.value) return null;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    error.value = undefined;
    try {
      await post("session", [["user", user.value], ["password", password.value]]);
      location.reload();
    } catch (problem) {
      error.value = problem as ApiError;
    }
  };
  return (
    <section class="card" aria-label="Log in">
      <div class="card-head">
        <h2>Log in</h2>
      </div>
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span>User</span>
          <input
            name="user"
            value={user.value}
            onInput={(event) => user.value = event.currentTarget.value}
            required
            autocomplete="username"
          />
        </label>
        <label class="field">
          <span>Password</span>
          <input
            name="password"
            type="password"
            value={password.value}
            onInput={(event) => password.value = event.currentTarget.value}
            required
            autocomplete="current-password"
          />
        </label>
        {error.value !== undefined && <ErrorNote error={error.value} />}
        <div class="form-end">
          <button type="submit" class="button primary">Log in</button>
        </div>
      </form>
    </section>
  );
}
