import { SOON } from "./world.js";
/** A person at the chat in one tab. */
export class Person {
    page;
    name;
    constructor(page, name) {
        this.page = page;
        this.name = name;
    }
    button(name) {
        return this.page.getByRole("button", { name });
    }
    /** Sees this text in the open conversation. */
    async sees(text) {
        const bubble = this.page.getByRole("log").locator(".bubble", { hasText: text }).last();
        await bubble.waitFor({ timeout: SOON });
        return bubble;
    }
    /** Sees one's own message come so far (or further). */
    async seesState(text, ...states) {
        const bubble = await this.sees(text);
        await bubble.locator(".state", { hasText: new RegExp(states.join("|")) }).waitFor({ timeout: SOON });
    }
    async open(user) {
        await this.page.locator(".row", { has: this.page.locator(".row-name", { hasText: new RegExp(`^${user}$`) }) }).first().click();
        await this.page.getByRole("heading", { level: 1, name: user }).waitFor();
    }
    /** Begins a conversation. */
    async begin(user) {
        await this.button("New conversation").first().click();
        await this.page.getByLabel("Whom do you want to write to?").fill(user);
        await this.page.keyboard.press("Enter");
        await this.page.getByRole("heading", { level: 1, name: user }).waitFor();
    }
    async writes(text) {
        await this.page.getByRole("textbox", { name: /^Message to/ }).fill(text);
        await this.page.keyboard.press("Enter");
        await this.sees(text);
    }
    async sendsFile(path) {
        await this.page.getByLabel("Files to send").setInputFiles(path);
    }
    /** Saves an attachment, and gives where. */
    async saves(name) {
        const downloading = this.page.waitForEvent("download");
        await this.button(`Save ${name}`).last().click();
        const download = await downloading;
        return await download.path();
    }
    async verify(user) {
        await this.open(user);
        await this.button(new RegExp(`verify ${user}`)).click();
        await this.page.locator(".qr path").first().waitFor();
    }
    /** The text of one's own code. */
    async code() {
        return await this.page.locator(".code-text").first().innerText();
    }
    async back() {
        await this.button("Back").first().click();
    }
}
/** Goes to the chat. */
export async function visit(world, context, name) {
    const page = await context.newPage();
    await page.goto(world.origin);
    return new Person(page, name);
}
/** Makes an account in a browser of its own. */
export async function register(world, name, context) {
    const person = await visit(world, context ?? await world.person(), name);
    await person.page.getByLabel("Name", { exact: true }).fill(name);
    await person.button("Create account").click();
    await inside(person);
    return person;
}
/** Waits until somebody is in. */
export async function inside(person) {
    await person.page.getByRole("navigation", { name: "Conversations" }).waitFor({ timeout: SOON });
}
