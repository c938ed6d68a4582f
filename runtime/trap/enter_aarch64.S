// Entry into guest code, the landing pad of every trap, and the stub through which the guest calls host functions
// (activation.h; invariants TRAP-1, TRAP-3, INT-1 in trap_handler.cc). AAPCS64.
//
// Two readers for every change.

#define HOST_SP 0
#define GUEST_SP 8          // the marker: 0 while the guest runs
#define INTERRUPTED 16
#define FPCR 20
#define FP_CHANGED 28
#define STACK_TOP 32
#define LEFT_PC 40
#define LEFT_SP 48
#define LEFT_FP 56
#define LEFT_LR 64
#define LEFT_EXACT 72

#define TRAP_INTERRUPTED 11 // TrapCode::kInterrupted
#define NOT_ENTERED 0x100   // kNotEntered
#define FRAME 160

        .text
        .hidden guardc_stubs_begin
        .globl  guardc_stubs_begin
guardc_stubs_begin:

// uint32_t guardc_enter_guest(x0 activation, x1 entry, x2 context, x3 code, x4 values)
        .p2align 4
        .hidden guardc_enter_guest
        .globl  guardc_enter_guest
        .type   guardc_enter_guest, %function
guardc_enter_guest:
        .cfi_startproc
        stp     x29, x30, [sp, #-FRAME]!
        .cfi_def_cfa_offset FRAME
        .cfi_offset x29, -160
        .cfi_offset x30, -152
        stp     x19, x20, [sp, #16]
        .cfi_offset x19, -144
        .cfi_offset x20, -136
        stp     x21, x22, [sp, #32]
        .cfi_offset x21, -128
        .cfi_offset x22, -120
        stp     x23, x24, [sp, #48]
        .cfi_offset x23, -112
        .cfi_offset x24, -104
        stp     x25, x26, [sp, #64]
        .cfi_offset x25, -96
        .cfi_offset x26, -88
        stp     x27, x28, [sp, #80]
        .cfi_offset x27, -80
        .cfi_offset x28, -72
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]

        // The guest computes with FPCR 0: round to nearest, no flush to zero, no trapping exceptions.
        mrs     x9, fpcr
        str     w9, [x0, #FPCR]
        str     w9, [x0, #FP_CHANGED]
        cbz     w9, 1f
        msr     fpcr, xzr
1:      mov     x19, x0
        mov     x9, sp
        str     x9, [x19, #HOST_SP]
        // While on the guest's stack, the caller's frame is found through the activation: CFA = *(x19 + HOST_SP) + 160.
        .cfi_remember_state
        .cfi_escape 0x0f, 0x06, 0x83, HOST_SP, 0x06, 0x23, 0xa0, 0x01
        mov     x9, x1
        mov     x0, x2
        mov     x1, x3
        mov     x2, x4
        // First the stack, then the marker, then the flag: a request that comes before the marker is seen here, one
        // that comes after it is redirected by its signal (to this same thread, so program order is enough).
        ldr     x10, [x19, #STACK_TOP]
        mov     sp, x10
        str     xzr, [x19, #GUEST_SP]
        ldr     w10, [x19, #INTERRUPTED]
        cbnz    w10, .Lnot_entered
        blr     x9
        mov     w0, #0
.Lleave:
        mov     x9, sp
        str     x9, [x19, #GUEST_SP]
        ldr     x9, [x19, #HOST_SP]
        mov     sp, x9
        .cfi_restore_state
.Lrestore:
        ldr     w9, [x19, #FP_CHANGED]
        cbz     w9, 2f
        msr     fpcr, x9
2:      ldp     d14, d15, [sp, #144]
        ldp     d12, d13, [sp, #128]
        ldp     d10, d11, [sp, #112]
        ldp     d8, d9, [sp, #96]
        ldp     x27, x28, [sp, #80]
        ldp     x25, x26, [sp, #64]
        ldp     x23, x24, [sp, #48]
        ldp     x21, x22, [sp, #32]
        ldp     x19, x20, [sp, #16]
        ldp     x29, x30, [sp], #FRAME
        .cfi_remember_state
        .cfi_def_cfa_offset 0
        ret
        .cfi_restore_state
.Lnot_entered:
        mov     w0, #NOT_ENTERED
        b       .Lleave

// x19 activation, w0 trap code; any stack. Does not touch the stack it comes from: that may be used up.
        .p2align 4
        .hidden guardc_landing_pad
        .globl  guardc_landing_pad
        .type   guardc_landing_pad, %function
guardc_landing_pad:
        str     x19, [x19, #GUEST_SP]   // not 0: the guest no longer runs
        ldr     x9, [x19, #HOST_SP]
        mov     sp, x9
        b       .Lrestore
        .cfi_endproc
        .size   guardc_enter_guest, . - guardc_enter_guest

// void guardc_call_host(x0 fn, x1 self, x2 values), called by generated code on the guest's stack.
        .p2align 4
        .hidden guardc_call_host
        .globl  guardc_call_host
        .type   guardc_call_host, %function
guardc_call_host:
        .cfi_startproc
        stp     x19, x30, [sp, #-16]!
        .cfi_def_cfa_offset 16
        .cfi_offset x19, -16
        .cfi_offset x30, -8
        mrs     x9, tpidr_el0
        adrp    x10, :gottprel:guardc_current_activation
        ldr     x10, [x10, #:gottprel_lo12:guardc_current_activation]
        ldr     x19, [x9, x10]
        mov     x9, sp
        str     x9, [x19, #GUEST_SP]    // from here on the flag is tested when the host function has returned
        .cfi_remember_state
        .cfi_escape 0x0f, 0x05, 0x83, GUEST_SP, 0x06, 0x23, 0x10
        ldr     x9, [x19, #HOST_SP]
        mov     sp, x9
        mov     x9, x0
        mov     x0, x1
        mov     x1, x2
        ldr     w10, [x19, #FP_CHANGED]
        cbz     w10, 1f
        msr     fpcr, x10
1:      blr     x9
        ldr     w10, [x19, #FP_CHANGED]
        cbz     w10, 2f
        msr     fpcr, xzr
2:      and     w0, w0, #0xff
        cbnz    w0, .Lended_by_host
        ldr     x9, [x19, #GUEST_SP]
        mov     sp, x9
        .cfi_restore_state
        // Stack, marker, flag: as at the entry.
        str     xzr, [x19, #GUEST_SP]
        ldr     w10, [x19, #INTERRUPTED]
        cbnz    w10, .Linterrupted
        ldp     x19, x30, [sp], #16
        .cfi_def_cfa_offset 0
        .cfi_restore x19
        .cfi_restore x30
        .hidden guardc_call_host_return
        .globl  guardc_call_host_return
guardc_call_host_return:                // the frame is gone again (backtrace.cc)
        ret
        .cfi_endproc

.Linterrupted:
        mov     x9, sp
        str     x9, [x19, #GUEST_SP]
        mov     w0, #TRAP_INTERRUPTED
        // fall through
.Lended_by_host:
        ldr     x9, [x19, #GUEST_SP]
        ldr     x10, [x9, #8]           // the return address into the guest
        str     x10, [x19, #LEFT_PC]
        str     x10, [x19, #LEFT_LR]
        add     x9, x9, #16
        str     x9, [x19, #LEFT_SP]
        str     x29, [x19, #LEFT_FP]
        str     xzr, [x19, #LEFT_EXACT]
        b       guardc_landing_pad
        .size   guardc_call_host, . - guardc_call_host

        .hidden guardc_stubs_end
        .globl  guardc_stubs_end
guardc_stubs_end:

        .section .note.GNU-stack, "", %progbits
