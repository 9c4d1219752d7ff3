// A button that asks before it acts. The browser's own dialog keeps the focus inside and closes on Escape.
export default {
  props: { label: String, title: String, text: String, subject: String },
  emits: ["confirm"],
  template: `
    <span class="confirm">
      <button type="button" class="button" :disabled="!subject" @click="$refs.dialog.showModal()">{{ label }}</button>
      <dialog ref="dialog" :aria-label="title">
        <h2>{{ title }}</h2>
        <p>{{ text }}</p>
        <div class="dialog-foot">
          <button type="button" class="button" @click="$refs.dialog.close()">Cancel</button>
          <button type="button" class="button primary" @click="act">{{ label }}</button>
        </div>
      </dialog>
    </span>`,
  methods: {
    act() {
      this.$refs.dialog.close();
      this.$emit("confirm", this.subject);
    },
  },
};
