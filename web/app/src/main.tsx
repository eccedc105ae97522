/** The web chat begins here. */
import "@preact/signals";
import { render } from "preact";
import { findProfile, forgetProfile, indexedDb, linkNewDevice, open, restoreBackup } from "sprag";
import { browserSteps } from "./keep/steps.js";
import { Gate } from "./model/gate.js";
import { App } from "./view/app.jsx";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/entry.css";
import "./styles/chat.css";
import "./styles/talk.css";
import "./styles/pages.css";

/** One profile in a browser, whatever its account is called: so it is found without asking for a name. */
const store = indexedDb("sprag");
const gate = new Gate({ open, findProfile, forgetProfile, linkNewDevice, restoreBackup }, { store });

const place = document.getElementById("app");
if (place !== null) render(<App gate={gate} steps={browserSteps()} />, place);
void gate.start();
