import { render } from "preact";
import "./style/base.css";
import "./style/workspace.css";
import { App, onShortcut } from "./app";
import { goLive } from "./session/live";

goLive();
addEventListener("keydown", onShortcut);
// A file that is dropped where nothing takes it must not replace the page.
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => event.preventDefault());
render(<App />, document.getElementById("page")!);
